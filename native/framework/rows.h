// The table of row kernels of the active path: rows()->rms_norm is a Task compiled from norm/rms_norm_rows.c for this machine.
#pragma once
#include "operator.h"

typedef struct {
#define R1_ROWS(name) Task name;
#include "rows.def"
#undef R1_ROWS
} Rows;

const Rows *row_kernels(void);
