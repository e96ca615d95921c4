# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler for 64-bit ARM, and qemu to run what it makes. GPTJ_CROSS_ROOT holds the
# libraries that run.sh has built for it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES GPTJ_CROSS_ROOT)
set(CMAKE_FIND_ROOT_PATH "${GPTJ_CROSS_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
