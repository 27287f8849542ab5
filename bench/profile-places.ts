// To which place a sample of `perf script --fields comm,ip,sym,dso` counts.

const kernel = "\\[kernel";
const copies =
  "copy_folio|copy_from_iter|copy_to_iter|copy_to_user|copy_from_user|rep_movs|clear_page";
const network = "tcp|ip|sock|skb|net|napi|inet|dev|nf|sk|loopback|release_sock|sys_recv|sys_send";
const files =
  "ext4|jbd2|blk|bio|iomap|dio|filemap|folio|xas|page|writeback|virtblk|virtqueue|vfs|mpage|" +
  "submit|zone|rmqueue|lru|workingset";
const threads =
  "futex|sched|wake|epoll|eventfd|ep_|poll|switch|enqueue|dequeue|pick_next|rcu|halt|spin_unlock";
const collection = "Heap|Scaveng|MarkCompact|Marking|Sweeper|Evacuat|GC|Young|Mutator";

/** In the kernel, a function whose name begins with one of the words. */
const kernelWords = (words: string): RegExp => new RegExp(`\\b_*(${words})\\w*.*${kernel}`);
/** Or has one of them anywhere. */
const kernelParts = (words: string): RegExp => new RegExp(`(${words})\\w*.*${kernel}`);

/** Ordered: the first pattern that fits decides. */
const places: readonly (readonly [string, RegExp])[] = [
  ["SHA-256", /sha256_block/],
  ["RocksDB and the addon", /librocksdb|\.node\)/],
  ["kernel: copies between us and the system", kernelParts(copies)],
  ["kernel: network", kernelWords(network)],
  ["kernel: files and disk", kernelWords(files)],
  ["kernel: waking and waiting of threads", kernelParts(threads)],
  ["kernel: other", new RegExp(kernel)],
  ["garbage collection", new RegExp(`v8::internal::\\w*(${collection})`)],
  ["our code: kv", /packages\/kv\//],
  ["our code: registry", /packages\/registry\//],
  ["our code: other", /packages\/\w+\//],
  [
    "Node's JavaScript: http, net, streams",
    /node:(_http|http|net|_?stream|internal\/streams|events)/,
  ],
  ["Node's JavaScript: other", /node:|(LazyCompile|JS|Function|Script):[~*^+]?/],
  ["V8: builtins and stubs", /Builtin|Handler:|Stub:|BytecodeHandler|RegExp:/],
  ["V8: runtime", /v8::/],
  ["Node and libuv, native", /\(.*\/node\)/],
  ["libc (memory moves, allocation)", /libc|libstdc/],
];

export function placeOf(sample: string): string {
  return places.find(([, pattern]) => pattern.test(sample))?.[0] ?? "elsewhere";
}
