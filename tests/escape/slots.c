/* SPDX-License-Identifier: Apache-2.0 */
#include "esc.h"
void attack_slots(int deep)
{
	(void)deep;
}
