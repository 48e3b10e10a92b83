const [major = 0] = process.versions.node.split('.').map(Number);

/** The flag of Node's permission model, without which nothing else is allowed. */
export const PERMISSION = major >= 24 ? '--permission' : '--experimental-permission';
