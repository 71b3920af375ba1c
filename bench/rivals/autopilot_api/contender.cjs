// The public client for Node, in bulk, with as many calls under way as the environment says.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const Autopilot = require(`${process.env.CONTEST_MODULES}/autopilot-api`);

const { CONTEST_CSV, CONTEST_URL, CONTEST_KEY, CONTEST_LIST_ID, CONTEST_IN_FLIGHT } = process.env;
const BATCH_SIZE = 100;

function splitRow(line) {
	if (!line.includes('"')) return line.split(',');
	const cells = [];
	let cell = '', quoted = false;
	for (const letter of line) {
		if (letter === '"') quoted = !quoted;
		else if (letter === ',' && !quoted) { cells.push(cell); cell = ''; }
		else cell += letter;
	}
	return [...cells, cell];
}

function makeContact(row, place) {
	const custom = { 'float--Income': Number(row[place.Income].replace(/[ $,]/g, '')) };
	const [month, day, year] = row[place.Born].split('/');
	if (Number(month) <= 12) {
		custom['date--Born'] = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}T00:00:00.000Z`;
	}
	return {
		Email: row[place.Email],
		FirstName: row[place.FirstName],
		LastName: row[place.LastName],
		MailingCity: row[place.City],
		custom,
		_autopilot_list: CONTEST_LIST_ID,
	};
}

async function* readBatches() {
	const lines = readline.createInterface({ input: fs.createReadStream(CONTEST_CSV), crlfDelay: Infinity });
	let place = null, batch = [];
	for await (const line of lines) {
		if (place === null) {
			place = Object.fromEntries(line.split(',').map((name, index) => [name, index]));
			continue;
		}
		batch.push(makeContact(splitRow(line), place));
		if (batch.length === BATCH_SIZE) {
			yield batch;
			batch = [];
		}
	}
	if (batch.length) yield batch;
}

async function send() {
	const api = new Autopilot(CONTEST_KEY, `${CONTEST_URL}/`);
	const batches = readBatches();
	async function sendSome() {
		for (let next = await batches.next(); !next.done; next = await batches.next()) {
			await api.contacts.upsert(next.value);
		}
	}
	await Promise.all(Array.from({ length: Number(CONTEST_IN_FLIGHT) }, sendSome));
}

const started = process.hrtime.bigint();
const before = process.cpuUsage();
send()
	.catch(error => {
		console.error(error.message);
		process.exitCode = 1;
	})
	.finally(() => {
		const used = process.cpuUsage(before);
		const figures = {
			seconds: Number(process.hrtime.bigint() - started) / 1e9,
			cpu_s: (used.user + used.system) / 1e6,
		};
		fs.writeSync(1, `${JSON.stringify(figures)}\n`);
		process.exit();
	});
