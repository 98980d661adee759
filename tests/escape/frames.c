/* SPDX-License-Identifier: Apache-2.0 */
#include "esc.h"
void attack_frames(int deep)
{
	(void)deep;
}
