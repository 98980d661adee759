/* SPDX-License-Identifier: Apache-2.0 */
#include "esc.h"
void attack_births(int deep)
{
	(void)deep;
}
