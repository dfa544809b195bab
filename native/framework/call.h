// Inside the framework: what a Call is made of.
#pragma once
#include "operator.h"

struct Call {
  const Operator *operator;
  OrtKernelContext *context;
  int input_count, output_count;
};
