/**
 * The names of the snapshots that ksnap makes: the only ones that it lists, and that it ever
 * destroys.
 */
export const KSNAP_NAME = /^ksnap-\d{8}-\d{6}$/;
