"""Writes each device of a VMA as a raw disk: vma.py ARCHIVE FOLDER

From Proxmox's vma_spec.txt, and as strict as its vma-reader.c. Prints the files of the header.
"""
import hashlib
import os
import struct
import sys

PAGE = 4096
CLUSTER = 65536

path, folder = sys.argv[1:]
archive = open(path, 'rb')


def take(size):
    data = archive.read(size)
    if len(data) != size:
        sys.exit('the archive ends early')
    return data


def check_md5(data, at):
    blank = data[:at] + bytes(16) + data[at + 16:]
    if hashlib.md5(blank).digest() != data[at:at + 16]:
        sys.exit('a wrong MD5')


head = take(12288)
magic, version = struct.unpack_from('>4sI', head)
if magic != b'VMA\0' or version != 1:
    sys.exit('no VMA of version 1')
uuid = head[8:24]
offset, size, total = struct.unpack_from('>III', head, 48)
if total <= 12288 or total % 512 or size % 512 or offset + size > total or offset < 12288:
    sys.exit('wrong sizes in the header')
head += take(total - 12288)
check_md5(head, 32)

# Only what the chain of blobs leads to counts.
blobs = {}
at = 1
while at + 2 <= size:
    (length,) = struct.unpack_from('<H', head, offset + at)
    if at + 2 + length <= size:
        blobs[at] = head[offset + at + 2:offset + at + 2 + length]
    at += 2 + length


def text(pointer):
    blob = blobs[pointer]
    if blob[-1:] != b'\0':
        sys.exit('a string without an end')
    return blob[:-1].decode()


for i in range(256):
    (name,) = struct.unpack_from('>I', head, 2044 + 4 * i)
    (data,) = struct.unpack_from('>I', head, 3068 + 4 * i)
    if name and data:
        print('== %s\n%s' % (text(name), blobs[data].decode()), end='')

devices = {}
for i in range(1, 256):
    name, _, length = struct.unpack_from('>IIQ', head, 4096 + 32 * i)
    if length:
        disk = open(os.path.join(folder, text(name) + '.raw'), 'wb')
        disk.truncate(length)
        devices[i] = (text(name), length, disk, set())

while True:
    extent = archive.read(512)
    if not extent:
        break
    if len(extent) != 512:
        sys.exit('a short extent')
    check_md5(extent, 24)
    magic, reserved, pages = struct.unpack_from('>4sHH', extent)
    if magic != b'VMAE' or reserved or extent[8:24] != uuid:
        sys.exit('a wrong extent')
    taken = 0
    for i in range(59):
        mask, _, device, cluster = struct.unpack_from('>HBBI', extent, 40 + 8 * i)
        if device == 0:
            continue
        name, length, disk, seen = devices[device]
        if cluster in seen:
            sys.exit('cluster %d of %s twice' % (cluster, name))
        seen.add(cluster)
        for page in range(16):
            if not mask >> page & 1:
                continue
            place = cluster * CLUSTER + page * PAGE
            if place >= length:
                sys.exit('data past the end')
            disk.seek(place)
            disk.write(take(PAGE)[:length - place])
            taken += 1
    if taken != pages:
        sys.exit('an extent of %d pages has %d' % (pages, taken))

for name, length, disk, seen in devices.values():
    disk.close()
    if len(seen) != -(-length // CLUSTER):
        sys.exit('%s lacks clusters' % name)
