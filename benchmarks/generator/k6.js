// k6's turn: the same request, body and pauses as all clients. Times of the window alone go into `window`.
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const load = JSON.parse(__ENV.GENERATOR_LOAD);
const [low, high] = load.think_s;
const start = load.start_unix_s * 1000;
const end = load.end_unix_s * 1000;
const ramp = Math.ceil(load.users / load.spawn_rate);
const params = { headers: { 'Content-Type': 'application/json', Accept: 'application/json' } };
const times = new Trend('window', true);
const failures = new Counter('window_failures');

export const options = {
  scenarios: {
    users: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { duration: `${ramp}s`, target: load.users },
        { duration: `${load.run_s}s`, target: load.users },
      ],
      gracefulStop: '1s',
    },
  },
  summaryTrendStats: ['count', 'p(50)', 'p(95)', 'p(99)'],
};

export default function () {
  const begun = Date.now();
  const response = http.post(load.url + load.path, load.body, params);
  if (begun >= start && begun < end) {
    times.add(response.timings.duration);
    if (response.status !== 200) failures.add(1);
  }
  if (high > 0) sleep(low + (high - low) * Math.random());
}

export function handleSummary(data) {
  const window = data.metrics.window ? data.metrics.window.values : {};
  const failed = data.metrics.window_failures;
  const report = {
    requests: window.count || 0,
    failures: failed ? failed.values.count : 0,
    median_ms: window['p(50)'],
    p95_ms: window['p(95)'],
    p99_ms: window['p(99)'],
  };
  return { [__ENV.GENERATOR_REPORT]: JSON.stringify(report) };
}
