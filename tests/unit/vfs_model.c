/* SPDX-License-Identifier: Apache-2.0 */
#include "../tap.h"
#include "vfs_fake.h"
TEST(nothing)
{
}
TAP_MAIN()
