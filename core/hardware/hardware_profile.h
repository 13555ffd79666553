#pragma once

#include "core/base/result.h"
#include "core/hardware/compute_type.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace qs {

/// How fast a device computes in one type.
struct Roof {
    ComputeType type = ComputeType::Fp32;
    double operationsPerSecond = 0; ///< dense; a multiply-add counts two
};

/// What is known about a device: its roofs, its memory, and which of these numbers a cited page confirms.
/// Read from resources/hardware/<id>.json; the fields and units are explained in
/// resources/hardware/README.md.
struct HardwareProfile {
    std::string id, name, vendor, kind, memoryType, note;
    std::filesystem::path file;
    double bytesPerSecond = 0;           ///< memory bandwidth
    std::optional<double> memoryBytes;   ///< capacity; vendors' GB count as 1e9 bytes
    std::map<ComputeType, double> peaks; ///< operations/s, dense, a multiply-add counts two; never empty
    std::optional<double> cacheBytes;    ///< last-level cache
    std::optional<double> registerBytes; ///< register files of all cores: what attention kernels tile for
    std::optional<double> powerWatt;     ///< thermal design power
    std::vector<std::string> sources;
    std::vector<std::string>
        verifiedFields; ///< confirmed by a source: "memory_bandwidth_gbs", "peak_dense_tops.fp16"

    std::optional<double> peak(ComputeType type) const;
    /// Whether a source confirms a field; "peak_dense_tops" stands for all rates, "onchip" for both sizes.
    bool isVerified(std::string_view field) const;
    /// Fields with a value that no source confirms, as the file names them.
    std::vector<std::string> unverifiedFields() const;

    /// The roof of a matrix operation on operands of these widths: the narrowest type of the device that
    /// holds both, else the next wider one (int4 → int8 → fp16 → bf16 → fp32). Nothing when the device has
    /// none. \source roofline specification B.2
    std::optional<Roof> matrixRoof(double leftBits, double rightBits) const;
    /// The roof of everything that is no matrix operation: the fp32 rate, never a matrix unit's.
    std::optional<Roof> vectorRoof() const;

    /// \param file  named in errors
    /// \error CorruptFile  a field is missing, unknown, of the wrong type, or far outside what its unit
    ///                     allows; no rate at all. Names file and field
    static Result<HardwareProfile> fromJson(const nlohmann::json &json, const std::filesystem::path &file);
    /// \error NotFound, IoError, CorruptFile
    static Result<HardwareProfile> read(const std::filesystem::path &file);
};

} // namespace qs
