// The checks that OpenStack makes before it uses a VMDK: oslo.utils 10.2,
// format_inspector.VMDKInspector.

const GD_AT_END = 0xffff_ffff_ffff_ffffn;

/** Everything that oslo.utils would refuse the image for. */
export function inspect(image: Buffer): string[] {
  return [...headerProblems(image), ...descriptorProblems(image), ...footerProblems(image)];
}

function headerProblems(header: Buffer): string[] {
  const problems = [];
  if (header.toString('latin1', 0, 4) !== 'KDMV') problems.push('signature');
  if (![1, 2, 3].includes(header.readUInt32LE(4))) problems.push('version');
  if (header.readBigUInt64LE(28) !== 1n) problems.push('descriptor location');
  return problems;
}

function descriptorProblems(image: Buffer): string[] {
  const size = Math.min(Number(image.readBigUInt64LE(36)) * 512, 2 ** 20 - 1);
  const [text = ''] = image
    .toString('latin1', 512, 512 + size)
    .toLowerCase()
    .split('\0');
  const problems = [];
  if (/[\x80-\xff]/.test(text)) problems.push('not ASCII');
  const type = /createtype="([^"]*)"/.exec(text)?.[1];
  if (type !== 'monolithicsparse' && type !== 'streamoptimized') problems.push('createType');
  const lines = text.split('\n').map((line) => line.trim());
  const extents = lines.filter((line) => /^(rw|rdonly|noaccess) /.test(line));
  if (extents.length === 0) problems.push('no extents');
  if (extents.some((line) => line.includes('/'))) problems.push('path in an extent');
  for (const line of lines) {
    const known = line === '' || /^(#|ddb|rw |rdonly |noaccess |[^ =]+=)/.test(line);
    if (!known) problems.push(`line "${line}"`);
  }
  return problems;
}

function footerProblems(image: Buffer): string[] {
  if (image.readBigUInt64LE(56) !== GD_AT_END) return [];
  const [marker, footer, end] = [1536, 1024, 512].map((before) =>
    image.subarray(image.length - before, image.length - before + 512),
  ) as [Buffer, Buffer, Buffer];
  const problems = [];
  const same = (from: number, to: number) =>
    footer.subarray(from, to).equals(image.subarray(from, to));
  if (!same(0, 4)) problems.push('footer signature');
  if (!same(4, 8)) problems.push('footer version');
  if (!same(28, 44)) problems.push('footer descriptor');
  if (footer.readBigUInt64LE(56) === GD_AT_END) problems.push('footer names another footer');
  const markerOk = marker.readUInt32LE(8) === 0 && marker.readUInt32LE(12) === 3;
  if (!markerOk || marker.subarray(16).some(Boolean)) problems.push('footer marker');
  if (end.some(Boolean)) problems.push('end of stream');
  return problems;
}
