/** The members of a JSON object that are texts; none if it is not one. */
export function jsonTexts(json: string): Readonly<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(json);
    const entries = Object.entries(Object(value) as Record<string, unknown>);
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}
