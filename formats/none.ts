/** Forbids the members of other options, which cannot be combined with those of a type. */
export type None<Options> = { readonly [Name in keyof Options]?: undefined };
