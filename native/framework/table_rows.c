// The row kernels compiled for one path, as a table.
#include "path.h"
#include "rows.h"

#define R1_ROWS(name) int PATH(name)(void *job, int64_t block);
#include "rows.def"
#undef R1_ROWS

extern const Rows PATH(row_table);
const Rows PATH(row_table) = {
#define R1_ROWS(name) .name = PATH(name),
#include "rows.def"
#undef R1_ROWS
};
