// The API of a Proxmox VE with two storages, `local` and `tank`. Its form is read as pveproxy reads
// it (PVE::APIServer::AnyEvent): parts in their order, the file last.

import { createHash } from 'node:crypto';
import { type Double, type Received, type Reply, startDouble } from './double.ts';

export const SECRET = '6fd1c2a4-2b6c-4f5e-9d1b-secret000001';
export const API_TOKEN = `robot@pve!kexport=${SECRET}`;

/** The environment of a program that uses it. */
export const PROXMOX_ENVIRONMENT: Record<string, string> = { PROXMOX_TOKEN: API_TOKEN };

interface Task {
  status: 'running' | 'stopped';
  exitstatus: string | undefined;
  /** How often it is running still when it is asked for. */
  left: number;
  end: () => string;
}

export interface ProxmoxDouble extends Double {
  /** By their ids, such as `local:import/web1.qcow2`. */
  readonly volumes: Map<string, Buffer>;
  readonly state: {
    nodes: string[];
    /** How long tasks run: how often they are asked for. */
    taskLength: number;
    /** How tasks end that were to store something; undefined: well. */
    taskFault: string | undefined;
  };
}

export async function startProxmox(): Promise<ProxmoxDouble> {
  const volumes = new Map<string, Buffer>();
  const tasks = new Map<string, Task>();
  const state: ProxmoxDouble['state'] = { nodes: ['pve1'], taskLength: 1, taskFault: undefined };
  const contents: Readonly<Record<string, string>> = { local: 'iso,import', tank: 'images' };

  const double: Double = await startDouble((request) => {
    const { method, url, headers } = request;
    if (headers['authorization'] !== `PVEAPIToken=${API_TOKEN}`)
      return refused(401, `invalid token value! ${headers['authorization'] ?? ''}`);
    const path = url.pathname.replace('/api2/json/', '');
    if (path === 'nodes') return answer(state.nodes.map((node) => ({ node, status: 'online' })));
    const [, node = '', rest = ''] = /^nodes\/([^/]+)\/(.*)$/.exec(path) ?? [];
    if (!state.nodes.includes(node)) return refused(595, 'No route to host');
    if (rest.startsWith('tasks/')) return ofTask(rest.split('/')[1] ?? '', method);
    const [, storage = '', what = ''] = /^storage\/([^/]+)\/(.*)$/.exec(rest) ?? [];
    const content = contents[storage];
    if (content === undefined) return refused(500, `storage '${storage}' does not exist`);
    if (what === 'status') return answer({ content, type: 'dir', active: 1 });
    if (what === 'upload' && method === 'POST') return upload(node, storage, request);
    if (what === 'content' && method === 'GET') {
      const found = [...volumes.keys()].filter((volid) => volid.startsWith(`${storage}:`));
      return answer(found.map((volid) => ({ volid, content: 'import' })));
    }
    if (method !== 'DELETE') return refused(501, `Method '${method}' not implemented`);
    const volid = decodeURIComponent(what.replace('content/', ''));
    return start(node, () => (volumes.delete(volid) ? 'OK' : 'no such volume'));
  });
  return Object.assign(double, { volumes, state });

  function upload(node: string, storage: string, { headers, body }: Received): Reply {
    if (storage !== 'local') return refused(500, `storage '${storage}' does not support it`);
    const form = parseForm(headers['content-type'] ?? '', headers['content-length'], body);
    if (!form) return refused(500, 'upload failed');
    const { content, checksum, fileName, bytes } = form;
    const isName = /^[a-zA-Z0-9\-.+=_]+\.(ova|qcow2|raw|vmdk)$/.test(fileName);
    if (content !== 'import' || form.algorithm !== 'sha256' || !isName) {
      const errors = { filename: 'invalid filename or wrong extension' };
      return {
        ...refused(400, 'Parameter verification failed.'),
        body: JSON.stringify({ errors }),
      };
    }
    return start(node, () => {
      if (state.taskFault !== undefined) return state.taskFault;
      const found = createHash('sha256').update(bytes).digest('hex');
      if (found !== checksum) return `checksum mismatch: got '${found}' != expect '${checksum}'`;
      // Other characters are replaced.
      volumes.set(`${storage}:import/${fileName.replace(/[^a-zA-Z0-9_.-]/g, '_')}`, bytes);
      return 'OK';
    });
  }

  function start(node: string, end: () => string): Reply {
    const upid = `UPID:${node}:0000${tasks.size}:00AB:66:imgcopy::robot@pve!kexport:`;
    tasks.set(upid, { status: 'running', exitstatus: undefined, left: state.taskLength, end });
    return answer(upid);
  }

  function ofTask(id: string, method: string): Reply {
    const task = tasks.get(decodeURIComponent(id));
    if (!task) return refused(500, 'no such task');
    if (task.status === 'running' && (method === 'DELETE' || task.left-- <= 0)) {
      task.status = 'stopped';
      task.exitstatus = method === 'DELETE' ? 'received interrupt' : task.end();
    }
    return answer(method === 'DELETE' ? null : task);
  }
}

/** Undefined if pveproxy would not read it. */
function parseForm(type: string, length: string | undefined, body: Buffer) {
  const [, boundary = ''] = /^multipart\/form-data;\s*boundary=(\S+)$/.exec(type) ?? [];
  if (boundary === '' || Number(length) !== body.length) return undefined;
  let rest = body;
  const fields: Record<string, string> = {};
  for (const name of ['content', 'checksum-algorithm', 'checksum']) {
    const part = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
    if (rest.indexOf(part) !== 0) return undefined;
    const end = rest.indexOf(`\r\n--${boundary}\r\n`, part.length);
    fields[name] = rest.toString('latin1', part.length, end);
    rest = rest.subarray(end + 2);
  }
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="filename"; filename="`;
  const end = `\r\n--${boundary}--\r\n`;
  if (rest.indexOf(head) !== 0 || !rest.subarray(-end.length).equals(Buffer.from(end)))
    return undefined;
  const fileName = rest.toString('latin1', head.length, rest.indexOf('"', head.length));
  const bytes = rest.subarray(rest.indexOf('\r\n\r\n') + 4, -end.length);
  return {
    content: fields['content'],
    algorithm: fields['checksum-algorithm'],
    checksum: fields['checksum'] ?? '',
    fileName,
    bytes,
  };
}

function answer(data: unknown): Reply {
  return { status: 200, body: JSON.stringify({ data }) };
}

/** Proxmox says what is wrong behind the status. */
function refused(status: number, reason: string): Reply {
  return { status, reason, body: '{"data":null}' };
}
