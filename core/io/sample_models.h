#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace qs {

/// A model with the data that belongs to it by name.
struct ModelFiles {
    std::string name;                              ///< "glyph-vit"
    std::filesystem::path model;                   ///< absolute
    std::filesystem::path calibration, evaluation; ///< empty when there is none
    bool dataFoundByName = false;                  ///< nobody asked for these sets: they may not fit
};

/// The model and the data sets beside it. Sets are named after the model or, shared by a family, after the
/// beginning of its name: "glyph-vit-calib.h5" or "glyph-calib.h5", and "…-eval.h5". Whether they fit is
/// another question.
ModelFiles modelFiles(const std::filesystem::path &model);

/// The models that come with the program, beside it (installed) or in the source tree (built), by name.
std::vector<ModelFiles> sampleModels();

} // namespace qs
