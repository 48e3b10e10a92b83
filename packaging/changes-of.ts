/** What a changelog says of a version, without the heading; undefined if it has no such section. */
export function changesOf(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^## /m);
  const section = sections.find((one) => one.startsWith(`[${version}] - `));
  return section?.replace(/^.*\n+/, '').trimEnd();
}
