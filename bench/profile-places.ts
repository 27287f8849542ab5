// To which place a sample of `perf script --fields comm,ip,sym,dso` counts. Ordered: the first
// pattern that fits decides.

const places: readonly (readonly [string, RegExp])[] = [
  ["SHA-256", /sha256_block/],
  ["RocksDB and the addon", /librocksdb|\.node\)/],
  [
    "kernel: copies between us and the system",
    /copy_(folio_)?(from|to)_?(user|iter)|_copy_|rep_movs|clear_page/,
  ],
  [
    "kernel: network",
    /\b(tcp|ip|sock|skb|__skb|net|napi|inet|lo|dev|nf|sk|__sk|loopback|__ip|__tcp|__dev|__net|release_sock|sys_recv|sys_send)_\w+.*\[kernel/,
  ],
  [
    "kernel: files and disk",
    /(ext4|jbd2|blk|bio|iomap|dio|filemap|folio|xas|page|writeback|virtblk|virtqueue|vfs|mpage|__blk|submit|zone|rmqueue|lru|workingset)\w*.*\[kernel/,
  ],
  [
    "kernel: waking and waiting of threads",
    /(futex|sched|wake|schedule|eventfd|epoll|ep_|poll|switch|enqueue|dequeue|pick_next|rcu|halt|spin_unlock|mwait)\w*.*\[kernel/,
  ],
  ["kernel: other", /\[kernel/],
  [
    "garbage collection",
    /v8::internal::\w*(Heap|Scaveng|MarkCompact|Marking|Sweeper|Evacuat|GC|Young|Mutator)/,
  ],
  ["our code: kv", /packages\/kv\//],
  ["our code: registry", /packages\/registry\//],
  ["our code: other", /packages\/\w+\//],
  [
    "Node's JavaScript: http, net, streams",
    /node:(_http|http|net|internal\/streams|events|internal\/stream_base|_stream|stream)/,
  ],
  ["Node's JavaScript: other", /node:|(LazyCompile|JS|Function|Script):[~*^+]?/],
  ["V8: builtins and stubs", /Builtin|Builtins_|Handler:|Stub:|BytecodeHandler|RegExp:/],
  ["V8: runtime", /v8::/],
  ["Node and libuv, native", /\(.*\/node\)/],
  ["libc (memory moves, allocation)", /libc|libstdc/],
];

export function placeOf(sample: string): string {
  return places.find(([, pattern]) => pattern.test(sample))?.[0] ?? "elsewhere";
}
