#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a file as a C array. Usage: embed.py IMAGE OUTPUT"""
import sys

data = open(sys.argv[1], "rb").read()
data += bytes(-len(data) % 4096)
with open(sys.argv[2], "w") as out:
    out.write('#include "vdso/image.h"\nconst unsigned char vdso_image[] = {\n')
    for i in range(0, len(data), 20):
        out.write(",".join(str(b) for b in data[i:i + 20]) + ",\n")
    out.write("};\nconst unsigned long vdso_image_size = sizeof(vdso_image);\n")
