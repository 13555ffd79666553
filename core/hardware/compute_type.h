#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace qs {

/// Number types for which a device may have arithmetic: each has a roof of its own.
enum class ComputeType { Fp32, Tf32, Fp16, Bf16, Fp8, Int8, Fp4, Int4 };

inline constexpr std::array kComputeTypes{ComputeType::Fp32, ComputeType::Tf32, ComputeType::Fp16,
                                          ComputeType::Bf16, ComputeType::Fp8,  ComputeType::Int8,
                                          ComputeType::Fp4,  ComputeType::Int4};

/// "fp16": what hardware files and people say.
std::string_view computeTypeName(ComputeType type);
std::optional<ComputeType> computeTypeFromName(std::string_view name);

} // namespace qs
