// Names in a file that is compiled once a path: PATH(rms_norm) is rms_norm_avx2 where R1_PATH is avx2.
#pragma once
#define R1_JOIN_(name, path) name##_##path
#define R1_JOIN(name, path) R1_JOIN_(name, path)
#define PATH(name) R1_JOIN(name, R1_PATH)
