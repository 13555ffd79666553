#include "views/shared/recipe_file.h"

#include "core/base/atomic_file.h"

#include <QFile>
#include <fmt/format.h>

namespace qs::views {
namespace {

constexpr qint64 kMaxBytes = 16 << 20; ///< a recipe is text written by people and programs, never this long

} // namespace

Result<Recipe> readRecipe(const std::filesystem::path &file) {
    QFile source(file);
    if (!source.open(QIODevice::ReadOnly))
        return fail(ErrorCode::IoError, fmt::format("cannot be read: {}", source.errorString().toStdString()),
                    file.string());
    if (source.size() > kMaxBytes)
        return fail(ErrorCode::CorruptFile, "is too large for a recipe", file.string());
    const QByteArray text = source.readAll();
    try {
        auto recipe = Recipe::fromJson(nlohmann::json::parse(text.begin(), text.end()));
        if (!recipe)
            return fail(std::move(recipe).error().withContext(file.string()));
        return recipe;
    } catch (const nlohmann::json::exception &error) {
        return fail(ErrorCode::CorruptFile, fmt::format("is not JSON: {}", error.what()), file.string());
    }
}

Status writeRecipe(const Recipe &recipe, const std::filesystem::path &file) {
    return writeFileAtomically(file, recipe.toJson().dump(2) + "\n");
}

} // namespace qs::views
