// Sends a known set of rows with one real client: node send.mjs CLIENT URL RUN. Prints {"sent":N}.
const [client, url, run] = process.argv.slice(2);
const text = (i) => `${run} row ${i} with "quotes", ünïcödé and a\ttab`;

const clients = {
  async 'elastic-bulk-helper'() {
    const { Client } = await import('@elastic/elasticsearch');
    const es = new Client({ node: url });
    const info = await es.info();
    if (info.tagline !== 'You Know, for Search') throw new Error('info');
    const rows = Array.from({ length: 1000 }, (_, i) => ({ '@timestamp': new Date().toISOString(), message: text(i), run, n: i, nested: { a: i } }));
    const result = await es.helpers.bulk({ datasource: rows, onDocument: () => ({ create: { _index: 'compat' } }) });
    if (result.failed || result.successful !== 1000) throw new Error(JSON.stringify(result));
    return 1000;
  },
  async 'elastic-ids'() {
    const { Client } = await import('@elastic/elasticsearch');
    const es = new Client({ node: url });
    const operations = (op) => Array.from({ length: 50 }, (_, i) => [{ [op]: { _index: 'compat', _id: `${run}-${i}` } }, { message: text(i), run, n: i }]).flat();
    const first = await es.bulk({ operations: operations('create') });
    if (first.errors) throw new Error(JSON.stringify(first));
    const again = await es.bulk({ operations: operations('create') });
    if (!again.errors || again.items.some((x) => x.create.status !== 409)) throw new Error(JSON.stringify(again.items[0]));
    return 50;
  },
  async winston() {
    const { default: winston } = await import('winston');
    const { ElasticsearchTransport } = await import('winston-elasticsearch');
    const transport = new ElasticsearchTransport({ level: 'info', clientOpts: { node: url }, flushInterval: 200, indexPrefix: 'compat' });
    transport.on('error', (e) => { throw e; });
    const logger = winston.createLogger({ transports: [transport] });
    for (let i = 0; i < 200; i++) logger.info(text(i), { run, n: i });
    await new Promise((done) => setTimeout(done, 1500));
    await transport.flush();
    return 200;
  },
  async pino() {
    const { default: pino } = await import('pino');
    const { default: pinoElastic } = await import('pino-elasticsearch');
    const stream = pinoElastic({ index: 'compat', node: url, esVersion: 8, flushBytes: 1000 });
    stream.on('insertError', (e) => { throw e; });
    stream.on('error', (e) => { throw e; });
    const logger = pino({ level: 'info' }, stream);
    for (let i = 0; i < 200; i++) logger.info({ run, n: i }, text(i));
    await new Promise((done) => { stream.on('insert', () => {}); stream.end(); setTimeout(done, 3000); });
    return 200;
  },
  'otlp-json': () => otlp('@opentelemetry/exporter-logs-otlp-http'),
  'otlp-protobuf': () => otlp('@opentelemetry/exporter-logs-otlp-proto'),
};

async function otlp(exporterModule) {
  const { OTLPLogExporter } = await import(exporterModule);
  const { LoggerProvider, BatchLogRecordProcessor } = await import('@opentelemetry/sdk-logs');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { SeverityNumber } = await import('@opentelemetry/api-logs');
  const exporter = new OTLPLogExporter({ url: `${url}/v1/logs` });
  const resource = resourceFromAttributes({ 'service.name': `otlp-${run}`, 'host.name': 'compat' });
  const options = { scheduledDelayMillis: 100, maxExportBatchSize: 64 };
  let processor;
  try { processor = new BatchLogRecordProcessor({ exporter, ...options }); } catch { processor = new BatchLogRecordProcessor(exporter, options); }
  const provider = new LoggerProvider({ resource, processors: [processor] });
  const logger = provider.getLogger('compat', '1.0');
  for (let i = 0; i < 300; i++)
    logger.emit({ severityNumber: SeverityNumber.WARN, severityText: 'WARN', body: text(i), attributes: { run, n: i, list: [1, 2], f: 0.5 } });
  await provider.forceFlush();
  await provider.shutdown();
  return 300;
}

process.on('unhandledRejection', (e) => { console.error(e); process.exit(1); });
const sent = await clients[client]();
console.log(JSON.stringify({ sent }));
process.exit(0);
