#include "views/recipe_editor/starter_recipes.h"

#include "views/shared/recipe_file.h"

#include <QDir>

namespace qs::views {

const std::vector<Recipe> &starterRecipes() {
    static const std::vector<Recipe> recipes = [] {
        std::vector<Recipe> read;
        const QDir folder(QStringLiteral(":/recipes"));
        for (const QString &name : folder.entryList({QStringLiteral("*.json")}, QDir::Files, QDir::Name)) {
            auto recipe = readRecipe(folder.filePath(name).toStdU16String());
            // They are part of the program: a test reads each of them.
            QS_CHECK(recipe.has_value(), "starter recipes are valid");
            read.push_back(std::move(*recipe));
        }
        return read;
    }();
    return recipes;
}

} // namespace qs::views
