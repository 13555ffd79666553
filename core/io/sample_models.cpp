#include "core/io/sample_models.h"

#include <algorithm>

namespace qs {
namespace {

namespace fs = std::filesystem;

fs::path dataFile(const fs::path &folder, std::string stem, const std::string &purpose) {
    while (!stem.empty()) {
        const fs::path file = folder / (stem + '-' + purpose + ".h5");
        std::error_code error;
        if (fs::is_regular_file(file, error))
            return file;
        const std::size_t dash = stem.rfind('-');
        stem.erase(dash == std::string::npos ? 0 : dash);
    }
    return {};
}

fs::path sampleFolder() {
    std::error_code error;
    const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
    for (const fs::path &folder : {bin.parent_path() / "share/quantoscope/sample-data",
                                   bin.parent_path().parent_path().parent_path() / "sample-data"})
        if (fs::is_directory(folder, error))
            return folder;
    return {};
}

} // namespace

ModelFiles modelFiles(const fs::path &model) {
    std::error_code error;
    fs::path file = fs::weakly_canonical(model, error);
    if (error)
        file = model;
    // The dots in the name of a folder are no suffix: "Qwen2.5-0.5B".
    const std::string stem = fs::is_directory(file, error) ? file.filename().string() : file.stem().string();
    return {stem, file, dataFile(file.parent_path(), stem, "calib"),
            dataFile(file.parent_path(), stem, "eval"), true};
}

std::vector<ModelFiles> sampleModels() {
    std::vector<ModelFiles> models;
    std::error_code error;
    for (fs::directory_iterator entry(sampleFolder(), error), end; !error && entry != end;
         entry.increment(error))
        if (entry->path().extension() == ".onnx")
            models.push_back(modelFiles(entry->path()));
    std::sort(models.begin(), models.end(), [](const auto &a, const auto &b) { return a.name < b.name; });
    return models;
}

} // namespace qs
