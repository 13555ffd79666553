#include "views/method_bench/trial_page.h"

#include "views/commands/recipe_commands.h"
#include "views/method_bench/layer_trial.h"
#include "views/method_bench/trial_model.h"
#include "views/recipe_editor/weight_form.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"

#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

TrialPage::TrialPage(WorkbenchContext &context)
    : BenchPage(context), m_form(new WeightForm(context.sharedMethods())),
      m_trial(new LayerTrial(context.jobs(), this)), m_model(new TrialModel(this)), m_state(new QLabel),
      m_adopt(new QPushButton(tr("Adopt into recipe"))) {
    auto *table = new QTableView;
    table->setModel(m_model);
    setUpTable(*table, tr("The layer in every run, and as tried"), TrialModel::CopyRole);
    keepColumnsCompact(*table);
    m_state->setMargin(4);
    m_state->setWordWrap(true);
    auto *results = new QWidget;
    auto *layout = new QVBoxLayout(results);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_state);
    layout->addWidget(table, 1);
    auto *splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(makeForm());
    splitter->addWidget(results);
    splitter->setStretchFactor(1, 1);
    makeColumn()->addWidget(splitter);
    connect(m_form, &WeightForm::edited, this, &TrialPage::rerun);
    connect(m_adopt, &QPushButton::clicked, this, &TrialPage::adoptIntoRecipe);
    connect(m_trial, &LayerTrial::finished, this, [this](std::shared_ptr<const LayerResult> result) {
        m_result = std::move(result);
        showRows();
    });
    connect(m_trial, &LayerTrial::failed, this, [this](const QString &why) {
        m_failure = why;
        showRows();
    });
}

QWidget *TrialPage::makeForm() {
    m_adopt->setToolTip(tr("Adds a rule for this layer to the recipe; can be undone"));
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->addWidget(m_form);
    layout->addWidget(m_adopt);
    layout->addStretch();
    auto *scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(content);
    scroll->setMinimumWidth(content->minimumSizeHint().width() + 20);
    return scroll;
}

LayerChoice TrialPage::recipeChoice(const Layer &layer) const {
    LayerChoice choice = context().recipe().choiceFor(layer.name);
    if (!choice.weight)
        choice.weight.emplace();
    return choice;
}

void TrialPage::refresh() {
    const Layer *layer = selectedLayer();
    m_form->setEnabled(layer);
    m_adopt->setEnabled(layer);
    if (!layer) {
        m_trial->cancel();
        m_shownLayer = kNoLayer;
        m_result = nullptr;
        m_model->setRows({});
        return m_state->setText(tr("Select a layer: it is quantized again whenever a parameter changes."));
    }
    if (m_shownModel != context().model() || m_shownLayer != layer->id) {
        m_shownModel = context().model();
        m_shownLayer = layer->id;
        m_form->setChoice(*recipeChoice(*layer).weight);
        rerun();
    }
    showRows();
}

void TrialPage::rerun() {
    const Layer *layer = selectedLayer();
    if (!layer)
        return;
    m_form->updateSupport({layer});
    m_result = nullptr;
    m_failure.clear();
    LayerChoice choice = recipeChoice(*layer);
    choice.weight = m_form->choice();
    TrialRequest request;
    request.layer = {context().model(),       layer->id, choice, nullptr, context().sharedMethods(),
                     context().recipe().seed, nullptr};
    request.recipe = context().recipe();
    // The very same recipe was run already: its transforms need not be applied again.
    if (const auto run = context().run();
        run && run->model == context().model() && run->recipe == request.recipe && context().calibration() &&
        run->provenance.calibrationSha256 == context().calibration()->sha256())
        request.prepared = run->prepared;
    request.executor = context().executor();
    request.calibration = context().calibration();
    request.evaluation = context().evaluation();
    request.capture = context().capture();
    request.memoryLimit = context().memoryLimit();
    m_trial->start(request);
    showRows();
}

void TrialPage::showRows() {
    std::vector<TrialModel::Row> rows;
    for (const RunEntry &entry : context().runs().compared()) {
        const auto index = static_cast<std::size_t>(m_shownLayer);
        const bool same = entry.run->model == m_shownModel && index < entry.run->layers.size();
        rows.push_back(
            {QString::fromStdString(entry.title()), same ? entry.run->layers[index] : nullptr, false});
    }
    rows.push_back({tr("▸ trial"), m_result, true});
    m_model->setRows(std::move(rows));
    if (!m_result)
        return m_state->setText(m_failure.isEmpty() ? tr("Trying…") : tr("⚠ %1").arg(m_failure));
    const QString name =
        QString::fromStdString(m_shownModel->layers[static_cast<std::size_t>(m_shownLayer)].name);
    if (m_result->state == LayerResult::State::Failed)
        return m_state->setText(tr("⚠ %1: %2").arg(name, QString::fromStdString(m_result->failure)));
    const QString state =
        m_result->outputError
            ? tr("%1 · activations and seed as in the recipe").arg(name)
            : tr("%1 · only the weight is measured: open a calibration or evaluation set for the rest")
                  .arg(name);
    const Recipe &recipe = context().recipe();
    m_state->setText(
        recipe.transforms.empty()
            ? state
            : state + tr(" · after the transforms of the recipe (%1), as its own choice for the layer "
                         "sets them")
                          .arg(QString::fromStdString(transformNames(recipe))));
}

void TrialPage::adoptIntoRecipe() {
    const Layer *layer = selectedLayer();
    if (!layer)
        return;
    LayerChoice choice = recipeChoice(*layer);
    choice.weight = m_form->choice();
    context().undoStack().push(new ChangeRecipeCommand(
        context(), withChoiceFor({layer->id}, *context().model(), context().recipe(), choice),
        tr("adopt the trial of %1").arg(QString::fromStdString(layer->name))));
}

} // namespace qs::views
