#include <stdio.h>

int main(void)
{
	fputs("porthole: no commands yet\n", stderr);
	return 2;
}
