#include "tests/views/workbench_fixture.h"
#include "views/recipe_editor/activation_form.h"
#include "views/recipe_editor/chain_list.h"
#include "views/recipe_editor/method_support.h"
#include "views/recipe_editor/recipe_editor_dock.h"
#include "views/recipe_editor/rule_form.h"
#include "views/recipe_editor/transform_form.h"
#include "views/shared/recipe_text.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QListWidget>
#include <QMenu>
#include <QStandardItemModel>
#include <QToolButton>

namespace qs::views {
namespace {

ParameterSchema schemaOf(const char *json) {
    return ParameterSchema::parse(json).value();
}

class FakeTransform final : public TransformMethod {
public:
    FakeTransform(std::string id, MethodStatus status) {
        m_info.kind = MethodKind::Transform;
        m_info.id = id;
        m_info.name = "Transform " + id;
        m_info.paper = "Someone 2024, arXiv:1";
        m_info.status = status;
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    TransformKinds kinds() const override { return {true, false, false, false, false}; }
    Support supports(const TransformRequest &) const override { return {}; }
    Result<SiteChange> transform(const TransformRequest &, const RunContext &) const override {
        return SiteChange{};
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema = schemaOf(R"({"type": "object", "properties": {
        "alpha": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1, "title": "Alpha"}}})");
};

/// Takes only weights of at least 8 rows.
class FakeBranch final : public BranchMethod {
public:
    FakeBranch() {
        m_info.kind = MethodKind::Branch;
        m_info.id = "lowrank";
        m_info.name = "Low rank";
        m_info.status = MethodStatus::PaperFormula;
    }
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }
    Support supports(const BranchRequest &request) const override {
        return request.weights.rows >= 8 ? Support{} : Support{false, "needs 8 rows"};
    }
    Result<QuantizedMatrix> decompose(const BranchRequest &, const RunContext &) const override {
        return fail(ErrorCode::Unsupported, "never asked");
    }

private:
    MethodInfo m_info;
    ParameterSchema m_schema = schemaOf(R"({"type": "object", "properties": {
        "rank": {"type": "integer", "default": 32, "minimum": 1, "maximum": 512, "title": "Rank"}}})");
};

std::shared_ptr<const MethodRegistry> chainMethods() {
    auto methods = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(methods->add(makeRtnQuantizer()));
    EXPECT_TRUE(methods->add(std::make_shared<FakeTransform>("smooth", MethodStatus::ReferenceChecked)));
    EXPECT_TRUE(methods->add(std::make_shared<FakeTransform>("spin", MethodStatus::Experimental)));
    EXPECT_TRUE(methods->add(std::make_shared<FakeBranch>()));
    return methods;
}

/// All texts that labels of a form show.
QString shownText(const QWidget &form) {
    QString text;
    for (const QLabel *label : form.findChildren<QLabel *>())
        text += label->text() + '\n';
    return text;
}

QComboBox *boxWith(const QWidget &form, const QString &entry) {
    for (QComboBox *box : form.findChildren<QComboBox *>()) {
        if (box->findText(entry) >= 0)
            return box;
    }
    ADD_FAILURE() << "no box has " << entry.toStdString();
    return nullptr;
}

bool isEnabled(const QComboBox &box, const QString &entry) {
    return qobject_cast<QStandardItemModel *>(box.model())->item(box.findText(entry))->isEnabled();
}

TEST(TransformForm, ShowsMethodStatusPaperAndParameters) {
    TransformForm form(chainMethods());
    const TransformStep step{"a\\..*", {"smooth", {{"alpha", 0.25}}}};
    form.setStep(step);
    EXPECT_EQ(form.step(), step);
    EXPECT_TRUE(shownText(form).contains("checked against"));
    EXPECT_TRUE(shownText(form).contains("arXiv:1"));
    form.setStep({".*", {"spin"}});
    EXPECT_TRUE(shownText(form).contains("experimental"));
    EXPECT_EQ(boxWith(form, "Transform smooth")->currentText(), "Transform spin (experimental)");
}

TEST(TransformForm, UnknownMethodStaysWithItsParameters) {
    TransformForm form(chainMethods());
    const TransformStep step{".*", {"not-here", {{"secret", 3}}}};
    form.setStep(step);
    EXPECT_EQ(form.step(), step);
    EXPECT_TRUE(shownText(form).contains("'not-here' is missing"));
}

TEST(RuleForm, KeepsBranchBiasCorrectionAndScale) {
    RecipeRule rule{".*", {}};
    rule.choice.weight.emplace().branch = MethodChoice{"lowrank", {{"rank", 7}}};
    rule.choice.weight->corrections = {Correction::Bias};
    rule.choice.activation.emplace().grid = {
        4, GridConvention::SymmetricRestricted, {}, RoundingMode::HalfEven};
    rule.choice.activation->scale = ActivationScale::Cross;
    rule.choice.activation->alpha = 0.3;
    RuleForm form(chainMethods());
    form.setRule(rule);
    RecipeRule shown = form.rule();
    shown.choice.weight->parameters = rule.choice.weight->parameters; // defaults are filled in
    EXPECT_EQ(shown, rule);
    rule.choice.weight->branch = MethodChoice{"not-here", {{"x", true}}};
    form.setRule(rule);
    EXPECT_EQ(form.rule().choice.weight->branch, rule.choice.weight->branch);
}

TEST(RuleForm, BranchCanBeChosenAndLeftOut) {
    RuleForm form(chainMethods());
    RecipeRule rule{".*", {}};
    rule.choice.weight.emplace();
    form.setRule(rule);
    QStringList edited;
    QObject::connect(&form, &RuleForm::edited, [&](const QString &field) { edited << field; });
    QComboBox *branch = boxWith(form, "Low rank");
    branch->setCurrentText("Low rank");
    ASSERT_TRUE(form.rule().choice.weight->branch);
    EXPECT_EQ(*form.rule().choice.weight->branch, (MethodChoice{"lowrank", {{"rank", 32}}}));
    branch->setCurrentIndex(0);
    EXPECT_FALSE(form.rule().choice.weight->branch);
    EXPECT_EQ(edited, (QStringList{"branch method", "branch method"}));
}

TEST(ActivationForm, ScalesOfTokensAreSymmetricAndHaveNoRange) {
    ActivationForm form;
    form.setChoice({});
    int edits = 0;
    QObject::connect(&form, &ActivationForm::edited, [&] { ++edits; });
    QComboBox *convention = boxWith(form, conventionText(GridConvention::Asymmetric));
    QComboBox *range = boxWith(form, "Percentile");
    EXPECT_TRUE(isEnabled(*convention, conventionText(GridConvention::Asymmetric)));
    boxWith(form, "Per token")->setCurrentText("Per token");
    EXPECT_EQ(edits, 1) << "one step of undo";
    EXPECT_EQ(form.choice().scale, ActivationScale::Token);
    EXPECT_EQ(form.choice().grid.convention, GridConvention::SymmetricRestricted);
    EXPECT_FALSE(isEnabled(*convention, conventionText(GridConvention::Asymmetric)));
    EXPECT_TRUE(range->isHidden());
    Recipe recipe = uniformRecipe({}, {}, form.choice());
    EXPECT_TRUE(recipe.validate());
    boxWith(form, "Static")->setCurrentText("Static");
    EXPECT_TRUE(isEnabled(*convention, conventionText(GridConvention::Asymmetric)));
    EXPECT_FALSE(range->isHidden());
}

TEST(MethodSupport, BranchesAreAskedToo) {
    const auto methods = chainMethods();
    Layer small, large, grouped;
    small.outChannels = 4;
    large.outChannels = grouped.outChannels = 8;
    small.inPerOut = large.inPerOut = grouped.inPerOut = 4;
    grouped.groups = 2;
    WeightChoice choice;
    EXPECT_EQ(methodSupport(choice, *methods, {&small, &large, &grouped}).refused, 0);
    choice.branch = MethodChoice{"lowrank"};
    EXPECT_EQ(methodSupport(choice, *methods, {&small, &large, &grouped}).refused, 2);
    choice.branch = MethodChoice{"lowrank", {{"rank", 0}}};
    EXPECT_TRUE(methodSupport(choice, *methods, {&large}).none());
    choice.branch = MethodChoice{"smooth"};
    EXPECT_TRUE(methodSupport(choice, *methods, {&large}).none()) << "a transform is no branch";
}

TEST(RecipeText, TellsOfTheWholeChain) {
    LayerChoice choice;
    choice.weight.emplace().branch = MethodChoice{"lowrank"};
    choice.weight->corrections = {Correction::Bias};
    choice.activation.emplace().scale = ActivationScale::Token;
    const QString text = choiceText(choice);
    EXPECT_TRUE(text.contains("branch LOWRANK, bias correction; A8 per token")) << text.toStdString();
    const auto methods = chainMethods();
    EXPECT_EQ(parametersText({"smooth", {{"alpha", 0.5}}}, *methods), "");
    EXPECT_EQ(parametersText({"smooth", {{"alpha", 0.75}}}, *methods), "alpha 0.75");
    EXPECT_EQ(parametersText({"not-here", {{"mode", "fast"}}}, *methods), "mode fast");
}

class RecipeChain : public ::testing::Test {
protected:
    RecipeChain() {
        m_dock.refreshIfDirty();
        m_chain = m_dock.findChild<ChainList *>();
    }
    void refresh() {
        QCoreApplication::processEvents();
        m_dock.refreshIfDirty();
    }
    void add(const char *method) {
        emit m_chain->addTransformWanted(method);
        refresh();
    }
    std::vector<std::string> transforms() const {
        std::vector<std::string> ids;
        for (const TransformStep &step : m_context.recipe().transforms)
            ids.push_back(step.method.method);
        return ids;
    }
    using Ids = std::vector<std::string>;

    WorkbenchContext m_context{chainMethods()};
    RecipeEditorDock m_dock{m_context};
    ChainList *m_chain = nullptr;
};

TEST_F(RecipeChain, TransformsAreAddedMovedRemovedAndUndone) {
    const Recipe first = m_context.recipe();
    add("smooth");
    add("spin");
    add("smooth");
    EXPECT_EQ(transforms(), (Ids{"smooth", "spin", "smooth"}));
    EXPECT_EQ(m_chain->row(), 2) << "what was added is shown";
    emit m_chain->moveWanted(-1);
    refresh();
    EXPECT_EQ(transforms(), (Ids{"smooth", "smooth", "spin"}));
    EXPECT_EQ(m_chain->row(), 1);
    emit m_chain->moveWanted(5);
    EXPECT_EQ(transforms(), (Ids{"smooth", "smooth", "spin"})) << "a transform never moves into the rules";
    emit m_chain->removeWanted();
    refresh();
    EXPECT_EQ(transforms(), (Ids{"smooth", "spin"}));
    EXPECT_EQ(m_context.recipe().rules, first.rules);
    while (m_context.undoStack().canUndo())
        m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), first);
}

TEST_F(RecipeChain, SaysWhyTheRecipeCannotRun) {
    const auto *reason = m_dock.findChild<QLabel *>(QStringLiteral("whyNotRun"));
    ASSERT_TRUE(reason);
    EXPECT_TRUE(reason->isHidden()) << "without a model every view says that one is missing";
    m_context.openFile(QString::fromStdString(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx"));
    ASSERT_TRUE(waitUntil([&] { return m_context.executor() != nullptr && !m_context.jobs().anyRunning(); }));
    refresh();
    EXPECT_FALSE(reason->isHidden());
    EXPECT_TRUE(reason->text().contains("calibration set")) << reason->text().toStdString();
    m_context.setRecipe(uniformRecipe({}, {}, {}));
    refresh();
    EXPECT_TRUE(reason->isHidden());
}

TEST_F(RecipeChain, ParametersAreEditedAsOneStepOfUndo) {
    add("smooth");
    const int steps = m_context.undoStack().count();
    auto *alpha = m_dock.findChild<TransformForm *>()->findChild<QDoubleSpinBox *>();
    for (const double value : {0.6, 0.7, 0.8})
        alpha->setValue(value);
    EXPECT_EQ(m_context.undoStack().count(), steps + 1);
    EXPECT_EQ(m_context.recipe().transforms[0].method.parameters["alpha"], 0.8);
    EXPECT_TRUE(m_dock.findChild<QListWidget *>()->item(0)->text().contains("alpha 0.8"));
    EXPECT_FALSE(m_dock.findChild<TransformForm *>()->isHidden());
    EXPECT_TRUE(m_dock.findChild<RuleForm *>()->isHidden());
    m_context.undoStack().undo();
    refresh();
    EXPECT_EQ(alpha->value(), 0.5);
}

TEST_F(RecipeChain, ARuleBelowTransformsIsTheOneThatIsEdited) {
    add("smooth");
    auto *list = m_dock.findChild<QListWidget *>();
    list->setCurrentRow(1);
    EXPECT_TRUE(m_dock.findChild<TransformForm *>()->isHidden());
    const auto boxes = m_dock.findChild<RuleForm *>()->findChildren<QCheckBox *>();
    const auto bias = std::find_if(boxes.begin(), boxes.end(),
                                   [](const QCheckBox *box) { return box->text() == "Bias correction"; });
    ASSERT_NE(bias, boxes.end());
    (*bias)->setChecked(true);
    EXPECT_TRUE(m_context.recipe().rules[0].choice.weight->corrects(Correction::Bias));
    EXPECT_EQ(m_chain->row(), 1);
    EXPECT_EQ(transforms(), Ids{"smooth"});
}

TEST_F(RecipeChain, MenuMarksExperimentalTransforms) {
    QStringList entries;
    for (const QToolButton *button : m_chain->findChildren<QToolButton *>())
        for (const QAction *action : button->menu() ? button->menu()->actions() : QList<QAction *>())
            entries << action->text();
    EXPECT_EQ(entries, (QStringList{"Transform smooth", "Transform spin (experimental)"}));
}

} // namespace
} // namespace qs::views
