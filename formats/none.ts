/** None of the members of options: those that do not go with others. */
export type None<Options> = { readonly [Name in keyof Options]?: undefined };
