/** The path of a disk as it was named on the command line; that of standard input for `-`. */
export function pathOfDisk(name: string): string {
  return name === '-' ? '/dev/stdin' : name;
}
