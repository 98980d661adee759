// Threads, null checks by SIGSEGV, stack overflow, files, processes, memory maps, the collector at work.
import java.io.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Work {
	static class Node { int v; Node next; }
	static int deep(int n) { return 1 + deep(n + 1); }
	static int read(Node n) { return n.v; }

	public static void main(String[] args) throws Exception {
		Node ok = new Node();
		int caught = 0, sum = 0;
		for (int i = 0; i < 200000; i++) {
			try {
				sum += read(i % 1000 == 999 ? null : ok) + 1;
			} catch (NullPointerException e) {
				caught++;
			}
		}
		System.out.println("nulls " + caught + " " + sum);
		try {
			deep(0);
		} catch (StackOverflowError e) {
			System.out.println("stack overflow");
		}
		ExecutorService ex = Executors.newFixedThreadPool(16);
		AtomicLong total = new AtomicLong();
		List<Future<Long>> fs = new ArrayList<>();
		for (int i = 0; i < 200; i++) {
			final long k = i;
			fs.add(ex.submit(() -> { total.addAndGet(k); return k * k; }));
		}
		long squares = 0;
		for (Future<Long> f : fs)
			squares += f.get();
		ex.shutdown();
		System.out.println(total + " " + squares + " " + ex.awaitTermination(10, TimeUnit.SECONDS));
		System.out.println(IntStream.range(0, 1000000).parallel().filter(x -> x % 3 == 0).count());
		CyclicBarrier bar = new CyclicBarrier(8);
		Thread[] ts = new Thread[8];
		int[] counts = new int[8];
		for (int i = 0; i < 8; i++) {
			final int k = i;
			ts[i] = new Thread(() -> { try { for (int j = 0; j < 100; j++) { bar.await(); counts[k]++; } } catch (Exception e) { counts[k] = -1; } });
			ts[i].start();
		}
		for (Thread t : ts)
			t.join();
		System.out.println(Arrays.toString(counts));
		Path p = Files.createTempFile("w", "x");
		try (FileChannel ch = FileChannel.open(p, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			MappedByteBuffer m = ch.map(FileChannel.MapMode.READ_WRITE, 0, 100000);
			m.putInt(5000, 42);
			m.force();
			ByteBuffer b = ByteBuffer.allocateDirect(4);
			ch.read(b, 5000);
			b.flip();
			System.out.println(b.getInt() + " " + ch.size() + " " + (ch.tryLock() != null));
		}
		Files.delete(p);
		Process pr = new ProcessBuilder("sh", "-c", "read x; echo got $x; exit 3").redirectErrorStream(true).start();
		try (Writer w = new OutputStreamWriter(pr.getOutputStream())) { w.write("a line\n"); }
		System.out.println(new BufferedReader(new InputStreamReader(pr.getInputStream())).readLine() + " " + pr.waitFor());
		List<byte[]> keep = new ArrayList<>();
		long n = 0;
		for (int i = 0; i < 3000; i++) {
			byte[] b = new byte[100000];
			n += b.length;
			if (i % 100 == 0)
				keep.add(b);
		}
		System.gc();
		System.out.println(n + " " + keep.size());
		Thread hook = new Thread(() -> System.out.println("at the end"));
		Runtime.getRuntime().addShutdownHook(hook);
		Thread sleeper = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) { System.out.println("interrupted"); } });
		sleeper.start();
		sleeper.interrupt();
		sleeper.join();
		System.exit(5);
	}
}
