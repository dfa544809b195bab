import type { DType } from '../../tensor/dtype.ts'
import { TensorProto_DataType as DataType } from './onnx_pb.ts'

const dataTypes: Readonly<Record<DType, DataType>> = {
  f32: DataType.FLOAT,
  f16: DataType.FLOAT16,
  bf16: DataType.BFLOAT16,
  f64: DataType.DOUBLE,
  i64: DataType.INT64,
  i32: DataType.INT32,
  i8: DataType.INT8,
  u8: DataType.UINT8,
  bool: DataType.BOOL,
}

const dtypes = new Map(Object.entries(dataTypes).map(([dtype, dataType]) => [dataType, dtype as DType]))

/** ONNX's number of `dtype` (`TensorProto.DataType`, which ONNX Runtime's C API shares). */
export function dataTypeOf(dtype: DType): DataType {
  return dataTypes[dtype]
}

/** The dtype behind ONNX's number, or undefined for a type the language does not have (strings, complex numbers, ...). */
export function dtypeOf(dataType: number): DType | undefined {
  return dtypes.get(dataType)
}
