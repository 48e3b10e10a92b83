/** The sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function across(v: v128): u32 {
  return (
    i32x4.extract_lane(v, 0) +
    i32x4.extract_lane(v, 1) +
    i32x4.extract_lane(v, 2) +
    i32x4.extract_lane(v, 3)
  );
}
