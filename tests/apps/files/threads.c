/* SPDX-License-Identifier: Apache-2.0 */
/* What the debuggers look at: a function, two threads, a signal, on request a child. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int counter;
double ratio = 1.5;
volatile int go = 1;

static int add(int a, int b)
{
	counter += b;
	return a + b;
}

static void *body(void *p)
{
	return (void *)((long)p * 2);
}

static void on_usr1(int sig)
{
	counter += sig;
}

int main(int argc, char **argv)
{
	pthread_t t[2];
	int s = add(2, 3), st = 0;
	pid_t pid;

	(void)argv;
	signal(SIGUSR1, on_usr1);
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, body, (void *)(i + 1));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	raise(SIGUSR1);
	if (argc > 1) {
		go = 0;
		pid = fork();
		if (pid == 0)
			_exit(add(4, 5));
		waitpid(pid, &st, 0);
		s += WEXITSTATUS(st);
	}
	for (int i = 0; argc > 2 && !go && i < 10000; i++)
		usleep(1000);
	ratio *= s;
	printf("counter %d ratio %.2f\n", counter, ratio);
	return s;
}
