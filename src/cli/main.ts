#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ALL_FORMATS, FORMATS } from '../../formats/index.ts';
import { COMMANDS } from './commands.ts';
import { EXIT_USAGE, reportError } from './exit.ts';
import type { ExportOptions } from './export-options.ts';
import { findCommand, type FoundCommand } from './find-command.ts';
import { COMMON_OPTIONS, OPTION_GROUPS } from './options.ts';
import { parseRequest } from './request.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

// Who reads our messages may stop; the export goes on.
process.stderr.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const command = findCommand(words);
  try {
    return command ? await runCommand(command) : await runExport(words);
  } catch (error) {
    // Commander has said what is wrong by itself; --help and --version end here too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    return reportError(error);
  }
}

async function runCommand({ entry, words }: FoundCommand): Promise<number> {
  const { describe, run } = await entry.load();
  const command = describe(newCommand(`kexport ${entry.name}`).description(entry.summary));
  await command.action(() => undefined).parseAsync(words, { from: 'user' });
  return run(command);
}

async function runExport(words: readonly string[]): Promise<number> {
  const helpAll = words.includes('--help-all');
  const command = exportCommand(helpAll);
  if (helpAll) {
    command.outputHelp();
    return 0;
  }
  await command.action(() => undefined).parseAsync(words, { from: 'user' });
  const request = parseRequest(command.args);
  // Loaded late: --help and --version need none of it.
  const { exportDisk } = await import('./export.ts');
  return exportDisk(request, command.opts<ExportOptions>());
}

function newCommand(name: string): Command {
  return new Command(name).exitOverride().configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, 'kexport: ')),
  });
}

/** `allOptions`: whether its help has those that are seldom needed. */
function exportCommand(allOptions: boolean): Command {
  const command = newCommand('kexport')
    .description('Make disk images for every hypervisor and cloud, all in one read of the disk.')
    .usage('FORMATS DISK [OUTDIR] [options]')
    .argument('[formats]', 'one or several, qcow2,raw, or all')
    .argument('[disk]', 'a file, a device, a ZFS volume or snapshot, - for standard input')
    .argument('[outdir]', 'folder for the images, like --output-dir')
    .version(version)
    .option('--help-all', 'every option, also of OVA, VHD and ZFS')
    .addHelpText('after', helpTail());
  for (const [title, options] of OPTION_GROUPS) {
    for (const option of options) {
      const hidden = !allOptions && !COMMON_OPTIONS.has(option.name());
      command.addOption(option.helpGroup(title).hideHelp(hidden));
    }
  }
  return command;
}

function helpTail(): string {
  const formats = Object.values(FORMATS).map((create) => create());
  const lines = formats.map(({ name, title }) => `  ${name.padEnd(13)}${title}`);
  const commands = COMMANDS.map(({ usage, summary }) => `  kexport ${usage.padEnd(30)}${summary}`);
  const others = commands.length === 0 ? '' : `\nOther commands:\n${commands.join('\n')}\n`;
  return `
Formats (all: ${ALL_FORMATS.join(',')}):
${lines.join('\n')}
${others}
Examples:
  kexport all /dev/sda
  kexport all tank/vm-100-disk-0
  kexport qcow2,raw disk.img --output-dir /srv/images --name web1
  ssh host cat /dev/vda | kexport qcow2 - -o vda.qcow2`;
}
