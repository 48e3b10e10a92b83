/** The members of a JSON object that are texts; none if it is not one. */
export function jsonTexts(json: string): Readonly<Record<string, string>> {
  const entries = Object.entries(jsonMembers(json));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The members of a JSON object; none if it is not one. */
export function jsonMembers(json: string): Readonly<Record<string, unknown>> {
  try {
    return membersOf(JSON.parse(json));
  } catch {
    return {};
  }
}

/** The members of an object; none of anything else. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value) as Readonly<Record<string, unknown>>;
}
