#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ALL_FORMATS, FORMATS } from '../../formats/index.ts';
import { EXIT_USAGE, reportError } from './exit.ts';
import type { ExportOptions } from './export.ts';
import { OPTION_GROUPS } from './options.ts';
import { parseRequest, type Request } from './request.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

// Who reads our messages may stop; the export goes on.
process.stderr.on('error', () => undefined);
process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  try {
    let status = 0;
    const run = async (request: Request, options: ExportOptions) => {
      // Loaded late: --help and --version need none of it.
      const { exportDisk } = await import('./export.ts');
      status = await exportDisk(request, options);
    };
    await program(run).parseAsync(argv);
    return status;
  } catch (error) {
    // Commander has said what is wrong by itself; --help and --version end here too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return reportError(error);
  }
}

function program(run: (request: Request, options: ExportOptions) => Promise<void>): Command {
  const command = new Command('kexport')
    .description('Make disk images for every hypervisor and cloud, all in one read of the disk.')
    .usage('FORMATS DISK [OUTDIR] [options]')
    .argument('[formats]', 'one or several, qcow2,raw, or all')
    .argument('[disk]', 'a file, a block device, or - for standard input')
    .argument('[outdir]', 'folder for the images, like --output-dir')
    .version(version)
    .addHelpText('after', helpTail())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'kexport: ')) })
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      await run(parseRequest(self.args), self.opts<ExportOptions>());
    });
  for (const [title, options] of OPTION_GROUPS) {
    for (const option of options) command.addOption(option.helpGroup(title));
  }
  return command;
}

function helpTail(): string {
  const formats = Object.values(FORMATS).map((create) => create());
  const lines = formats.map(({ name, title }) => `  ${name.padEnd(13)}${title}`);
  return `
Formats (all: ${ALL_FORMATS.join(',')}):
${lines.join('\n')}

Examples:
  kexport all /dev/sda
  kexport qcow2,raw disk.img --output-dir /srv/images --name web1
  ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2`;
}
