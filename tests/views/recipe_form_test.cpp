#include "tests/support/one_format.h"
#include "tests/views/named_layers.h"
#include "views/recipe_editor/method_support.h"
#include "views/recipe_editor/rule_form.h"
#include "views/recipe_editor/starter_recipes.h"
#include "views/recipe_editor/weight_form.h"
#include "views/shared/recipe_file.h"
#include "views/shared/recipe_text.h"
#include "views/shared/schema_form.h"

#include "tests/support/temp_dir.h"
#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QSpinBox>

namespace qs::views {
namespace {

constexpr const char *kSchema = R"({"type": "object", "properties": {
    "actOrder": {"type": "boolean", "default": true, "title": "Act-order"},
    "block": {"type": "integer", "default": 128, "minimum": 1, "maximum": 4096},
    "damping": {"type": "number", "default": 0.01, "minimum": 1e-8, "maximum": 1},
    "mode": {"type": "string", "enum": ["fast", "exact"], "default": "exact"}}})";

std::shared_ptr<const MethodRegistry> rtnOnly() {
    auto methods = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(methods->add(makeRtnQuantizer()).has_value());
    return methods;
}

TEST(SchemaForm, ValuesComeBackAsTheyWereShown) {
    SchemaForm form;
    form.setSchema(*ParameterSchema::parse(kSchema));
    EXPECT_EQ(form.values(),
              nlohmann::json::parse(R"({"actOrder": true, "block": 128, "damping": 0.01, "mode": "exact"})"));
    const auto values =
        nlohmann::json::parse(R"({"actOrder": false, "block": 7, "damping": 1e-8, "mode": "fast"})");
    form.setValues(values);
    EXPECT_EQ(form.values(), values);
    form.setValues(nlohmann::json::parse(R"({"block": "seven", "damping": 0.5})"));
    EXPECT_EQ(form.values(),
              nlohmann::json::parse(R"({"actOrder": true, "block": 128, "damping": 0.5, "mode": "exact"})"));
}

TEST(SchemaForm, TellsWhatTheUserEditedAndNothingElse) {
    SchemaForm form;
    form.setSchema(*ParameterSchema::parse(kSchema));
    QStringList edited;
    QObject::connect(&form, &SchemaForm::edited, [&](const QString &name) { edited << name; });
    form.setValues(nlohmann::json::parse(R"({"block": 64})"));
    EXPECT_TRUE(edited.isEmpty());
    form.findChild<QSpinBox *>()->setValue(32);
    form.findChild<QCheckBox *>()->setChecked(false);
    EXPECT_EQ(edited, (QStringList{"block", "actOrder"}));
    EXPECT_EQ(form.values()["block"], 32);
}

TEST(SchemaForm, EmptySchemaGivesAnEmptyForm) {
    SchemaForm form;
    form.setSchema(*ParameterSchema::parse(kSchema));
    form.setSchema(ParameterSchema());
    EXPECT_TRUE(form.isEmpty());
    EXPECT_EQ(form.values(), nlohmann::json::object());
}

TEST(RuleForm, ShowsEveryRuleOfEveryStarterRecipeWithoutChangingIt) {
    ASSERT_FALSE(starterRecipes().empty());
    RuleForm form(rtnOnly());
    int edits = 0;
    QObject::connect(&form, &RuleForm::edited, [&] { ++edits; });
    for (const Recipe &recipe : starterRecipes()) {
        EXPECT_EQ(recipe.name, suggestedName(recipe));
        for (const RecipeRule &rule : recipe.rules) {
            form.setRule(rule);
            RecipeRule shown = form.rule();
            // Defaults may have been filled in; methods that are not here keep what they had.
            if (shown.choice.weight && rule.choice.weight)
                shown.choice.weight->parameters = rule.choice.weight->parameters;
            EXPECT_EQ(shown, rule) << recipe.name;
        }
    }
    EXPECT_EQ(edits, 0);
}

TEST(RuleForm, KeepsUnusualValues) {
    RecipeRule rule{R"(layers\.\d+\..*)", {}};
    WeightChoice &weight = rule.choice.weight.emplace();
    weight.method = "not-installed";
    weight.parameters = nlohmann::json::parse(R"({"secret": 3})");
    weight.scheme.grid = {
        3, GridConvention::SymmetricOffset, {RangeRule::Kind::Mse, 99.5, 3.5, 17, 0.25}, RoundingMode::Floor};
    weight.scheme.granularity = Granularity::PerGroup;
    weight.scheme.groupSize = 77;
    weight.scheme.scaleAsFloat16 = true;
    rule.choice.activation.emplace().grid.rule.kind = RangeRule::Kind::Kl;
    RuleForm form(rtnOnly());
    form.setRule(rule);
    EXPECT_EQ(form.rule(), rule);
}

TEST(RuleForm, ABadPatternIsShownAndNotTaken) {
    RuleForm form(rtnOnly());
    form.setRule({"head", {}});
    QStringList edited;
    QObject::connect(&form, &RuleForm::edited, [&](const QString &field) { edited << field; });
    auto *pattern = form.findChild<QLineEdit *>();
    pattern->setText("head(");
    EXPECT_EQ(form.rule().layers, "head");
    EXPECT_TRUE(edited.isEmpty());
    pattern->setText("head|tail");
    EXPECT_EQ(form.rule().layers, "head|tail");
    EXPECT_EQ(edited, QStringList{"pattern"});
}

/// Takes only matrices whose width is a multiple of 8.
class PickyQuantizer final : public Quantizer {
public:
    PickyQuantizer() { m_info.id = m_info.name = "picky"; }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const QuantizeRequest &request) const override {
        return request.weights.cols % 8 == 0 ? Support{} : Support{false, "needs a width that 8 divides"};
    }
    Result<QuantizedMatrix> quantize(const QuantizeRequest &, const RunContext &) const override {
        return fail(ErrorCode::Unsupported, "never asked");
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema;
};

/// The entry of a method in the form, or -1.
int methodEntry(const WeightForm &form, const char *id, QComboBox *&box) {
    for (QComboBox *each : form.findChildren<QComboBox *>())
        if (const int entry = each->findData(QString(id)); entry >= 0) {
            box = each;
            return entry;
        }
    return -1;
}

TEST(WeightForm, AMethodThatIsAFormatBringsItsScheme) {
    auto methods = std::make_shared<MethodRegistry>();
    ASSERT_TRUE(methods->add(makeRtnQuantizer()).has_value());
    ASSERT_TRUE(methods->add(std::make_shared<OneFormat>()).has_value());
    auto model = std::make_shared<Model>(*modelWithLayers({"a"}));
    WeightForm form(methods);
    form.setChoice({});
    QComboBox *box = nullptr;
    const int entry = methodEntry(form, "format", box);
    ASSERT_GE(entry, 0);
    const auto isEnabled = [&] {
        return box->model()->flags(box->model()->index(entry, 0)) & Qt::ItemIsEnabled;
    };
    form.updateSupport({&model->layers[0]}); // rows of 4: blocks of 32 do not fit
    EXPECT_FALSE(isEnabled());
    model->layers[0].inPerOut = 64;
    form.updateSupport({&model->layers[0]});
    EXPECT_TRUE(isEnabled());
    EXPECT_TRUE(box->itemData(entry, Qt::ToolTipRole).toString().contains("another format"));
    int edits = 0;
    QObject::connect(&form, &WeightForm::edited, [&] { ++edits; });
    box->setCurrentIndex(entry);
    EXPECT_EQ(edits, 1);
    const WeightChoice choice = form.choice();
    EXPECT_EQ(choice.method, "format");
    EXPECT_EQ(choice.scheme.grid.bits, 4);
    EXPECT_EQ(choice.scheme.groupSize, 32);
    EXPECT_EQ(methodSupport(choice, *methods, {&model->layers[0]}).refused, 0);
}

TEST(MethodSupport, CountsRefusalsAndNamesTheFirst) {
    MethodRegistry methods;
    ASSERT_TRUE(methods.add(std::make_shared<PickyQuantizer>()).has_value());
    auto model = std::make_shared<Model>(*modelWithLayers({"a", "b", "c"}));
    model->layers[1].inPerOut = 16;
    std::vector<const Layer *> layers = {&model->layers[1], &model->layers[0], &model->layers[2]};
    WeightChoice choice;
    choice.method = "picky";
    const MethodSupport support = methodSupport(choice, methods, layers);
    EXPECT_EQ(support.layers, 3);
    EXPECT_EQ(support.refused, 2);
    EXPECT_FALSE(support.none());
    EXPECT_EQ(support.reason, "a: needs a width that 8 divides");
    choice.method = "unknown";
    EXPECT_TRUE(methodSupport(choice, methods, layers).none());
}

TEST(RecipeText, EstimateCountsCodesScalesAndZeroPoints) {
    const auto model = modelWithLayers({"a", "b"}); // [8, 4] and [16, 4]
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    Recipe recipe = uniformRecipe("n", weights, ActivationChoice{});
    RecipeEstimate estimate = estimateRecipe(recipe, *model);
    EXPECT_EQ(estimate.quantizedLayers, 2);
    EXPECT_EQ(estimate.quantizedActivations, 2);
    // Per channel of 4 weights: a float32 scale and a 4-bit zero point.
    EXPECT_DOUBLE_EQ(estimate.bitsPerWeight, 4 + (32 + 4) / 4.0);
    recipe.rules.push_back({"b", {}});
    estimate = estimateRecipe(recipe, *model);
    EXPECT_EQ(estimate.quantizedLayers, 1);
    EXPECT_DOUBLE_EQ(estimate.bitsPerWeight, (32 * 13.0 + 64 * 32.0) / 96);
}

TEST(RecipeFile, WritesAndReadsTheSame) {
    const TempDir folder;
    const auto file = folder.path() / "recipe.json";
    const Recipe recipe = starterRecipes().front();
    ASSERT_TRUE(writeRecipe(recipe, file).has_value());
    const auto read = readRecipe(file);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*read, recipe);
}

TEST(RecipeFile, SaysWhatIsWrong) {
    const TempDir folder;
    EXPECT_EQ(readRecipe(folder.path() / "none.json").error().code, ErrorCode::IoError);
    EXPECT_EQ(readRecipe(folder.write("cut.json", "{\"rules\": [")).error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(readRecipe(folder.write("odd.json", "{\"rules\": 3}")).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(readRecipe(folder.write("deep.json", std::string(200000, '['))).error().code,
              ErrorCode::CorruptFile);
    EXPECT_EQ(writeRecipe({}, folder.path() / "no" / "folder.json").error().code, ErrorCode::IoError);
}

} // namespace
} // namespace qs::views
