#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { FORMATS } from '../../formats/index.ts';
import { EXIT_USAGE, reportError } from './exit.ts';
import type { ExportOptions } from './export.ts';
import { parseRequest } from './request.ts';
import { parseSize } from './sizes.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(argv);
    return 0;
  } catch (error) {
    // Commander has said what is wrong by itself; --help and --version end here too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return reportError(error);
  }
}

function program(): Command {
  const formats = Object.values(FORMATS).map((create) => create());
  const width = Math.max(...formats.map(({ name }) => name.length)) + 2;
  return new Command('kexport')
    .description('Make disk images for every hypervisor and cloud, all in one read of the disk.')
    .argument('[formats]', `one or several: ${formats.map(({ name }) => name).join(',')}; or all`)
    .argument('[disk]', 'a file, a block device, or - for standard input')
    .argument('[outdir]', 'folder for the images, like --output-dir')
    .option('-o, --output <file>', 'the image: a file, a block device (raw), or - for stdout')
    .option('--output-dir <dir>', 'folder for the images (default: the current one)')
    .option('--name <name>', 'file name without extension (default: KEXPORT_NAME, or a date)')
    .option('--size <size>', 'size of the disk in a pipe: it must be met (10G, 512M)', size)
    .addOption(
      new Option(
        '--from <format>',
        'take a file for a disk even if it looks like an image',
      ).choices(['raw']),
    )
    .option('--level <1-9>', 'compression, 1 fastest, 9 smallest (default: 6)', between(1, 9))
    .option('--threads <n>', 'compression threads (default: one a processor)', between(1, 256))
    .addOption(new Option('--compressor <name>', 'who compresses').choices(['zlib', 'pako']))
    .option('--force', 'replace files; write to a device')
    .option('--json', 'the final table as JSON on stdout')
    .option('-q, --quiet', 'no progress and no table')
    .version(version)
    .addHelpText('after', () => helpTail(formats.map((f) => `  ${f.name.padEnd(width)}${f.title}`)))
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'kexport: ')) })
    .showSuggestionAfterError()
    .action(async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const request = parseRequest(command.args);
      // Loaded late: --help and --version need none of it.
      const { exportDisk } = await import('./export.ts');
      await exportDisk(request, command.opts<ExportOptions>());
    });
}

function helpTail(formats: readonly string[]): string {
  return `
Formats:
${formats.join('\n')}

Examples:
  kexport qcow2 /dev/sda
  kexport qcow2,raw disk.img --output-dir /srv/images --name web1
  ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2`;
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError('Not a size such as 10G or 512M.');
  return bytes;
}

function between(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Not a whole number from ${low} to ${high}.`);
  };
}
