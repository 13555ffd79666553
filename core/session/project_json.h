#pragma once

#include "core/session/project.h"

namespace qs {

class Hdf5File;

// JSON forms of what project files hold beside arrays. Reading is strict: unknown keys, missing keys and
// values out of range are InvalidArgument with the path.

inline constexpr const char *kProjectVersionAttribute = "quantoscope_project";
inline constexpr const char *kProjectSourceNames[] = {"model", "calibration", "evaluation"};

/// A document as project files hold it, and from the uint8 data set that holds it.
std::string projectText(const nlohmann::ordered_json &document);
/// \error NotFound;  CorruptFile  is no text, or no JSON
Result<nlohmann::json> readProjectJson(const Hdf5File &file, const std::string &path);

/// A run but for codes, scales, zero points, its capture and what its transforms made of the model.
nlohmann::ordered_json runToJson(const RunEntry &entry);
/// Fills codes, scales and zero points of the weight of entry `index` of the list of layers.
using MatrixArrays = std::function<Status(std::size_t index, QuantizedMatrix &matrix)>;
/// \param model  layers are found by name
/// \error NotFound  the model has no layer of that name;  what `arrays` reports;  a matrix that is not valid
Result<RunEntry> runFromJson(const nlohmann::json &json, std::shared_ptr<const Model> model,
                             const MatrixArrays &arrays);

/// The grid of a weight, without its arrays.
nlohmann::ordered_json matrixToJson(const QuantizedMatrix &matrix);

nlohmann::ordered_json layerCaptureToJson(const LayerCapture &capture, const std::string &layerName);
Status layerCaptureFromJson(const nlohmann::json &json, LayerCapture &capture);

nlohmann::ordered_json sensitivityToJson(const SensitivityTable &table, const Model &model);
Result<SensitivityTable> sensitivityFromJson(const nlohmann::json &json, const Model &model);

} // namespace qs
