#include "views/roofline/roofline_controls.h"

#include "core/base/number_text.h"
#include "views/roofline/roofline_options.h"
#include "views/roofline/step_slider.h"
#include "views/shared/flow_layout.h"

#include <QComboBox>
#include <QPushButton>
#include <QSignalBlocker>
#include <fmt/format.h>

namespace qs::views {

namespace {

const std::vector<int> kBits{2, 3, 4, 5, 6, 8, 16};
constexpr const char *kFirstDevice = "nvidia_a100_80g_sxm";

std::vector<int> powersOfTwo(int first, int last) {
    std::vector<int> steps;
    for (int step = first; step <= last; step *= 2)
        steps.push_back(step);
    return steps;
}

QString deviceToolTip(const HardwareProfile &device) {
    QString text = QString::fromStdString(device.name);
    const auto mark = [&](const std::string &field) {
        return device.isVerified(field) ? QString() : QObject::tr(" (unverified)");
    };
    text += QObject::tr("\nmemory: %1%2")
                .arg(QString::fromStdString(metricText(device.bytesPerSecond, "B/s")),
                     mark("memory_bandwidth_gbs"));
    if (device.memoryBytes)
        text += QObject::tr(", %1%2").arg(QString::fromStdString(metricText(*device.memoryBytes, "B")),
                                          mark("memory_gb"));
    for (const auto &[type, rate] : device.peaks) {
        const std::string name(computeTypeName(type));
        text += QStringLiteral("\n%1: %2%3")
                    .arg(QString::fromStdString(name), QString::fromStdString(metricText(rate, "OP/s")),
                         mark("peak_dense_tops." + name));
    }
    if (!device.note.empty())
        text += '\n' + QString::fromStdString(device.note);
    for (const std::string &source : device.sources)
        text += '\n' + QString::fromStdString(source);
    return text;
}

} // namespace

RooflineControls::RooflineControls(QWidget *parent)
    : QWidget(parent), m_source(new QComboBox), m_device(new QComboBox), m_stage(new QComboBox),
      m_open(new QPushButton(tr("Open config.json…"))),
      m_batch(new StepSlider(powersOfTwo(1, 1024), {}, true, tr("Batch"))),
      m_sequence(new StepSlider(powersOfTwo(16, 1 << 20), {}, true, tr("Sequence"))),
      m_weightBits(new StepSlider(kBits, tr(" bit"), false, tr("Weight bits"))),
      m_activationBits(new StepSlider(kBits, tr(" bit"), false, tr("Activation bits"))),
      m_cacheBits(new StepSlider(kBits, tr(" bit"), false, tr("KV cache bits"))),
      m_options(new RooflineOptions) {
    m_open->setToolTip(
        tr("The config.json of a Hugging Face transformer (LLaMA, Mistral, Qwen, OPT, ViT, DeiT): no weights "
           "needed. Or drop it on the window."));
    m_source->setToolTip(tr("What is modelled: the opened model as it stands, or a config alone"));
    m_source->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_stage->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_device->setMaxVisibleItems(24);
    m_device->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_device->setMinimumContentsLength(20);
    m_batch->setHint(tr("Sequences or images at a time"));
    m_weightBits->setHint(tr("What if all weights had this width"));
    m_activationBits->setHint(tr("What if all activations had this width"));
    m_weightBits->setValue(4);
    m_activationBits->setValue(16);
    m_cacheBits->setValue(16);
    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Model"), m_source);
    flow->addWidget(m_open);
    flow->addPair(tr("Device"), m_device);
    flow->addPair(tr("Stage"), m_stage);
    flow->addPair(tr("Batch"), m_batch);
    flow->addPair(tr("Sequence"), m_sequence);
    flow->addPair(tr("What if: weights"), m_weightBits);
    flow->addPair(tr("activations"), m_activationBits);
    flow->addPair(tr("KV"), m_cacheBits);
    flow->addWidget(m_options);

    connect(m_open, &QPushButton::clicked, this, &RooflineControls::openWanted);
    connect(m_source, &QComboBox::activated, this, &RooflineControls::sourceChosen);
    connect(m_device, &QComboBox::currentIndexChanged, this, [this] {
        m_device->setToolTip(m_device->currentData(Qt::ToolTipRole).toString());
        emit changed();
    });
    connect(m_stage, &QComboBox::currentIndexChanged, this, &RooflineControls::changed);
    for (StepSlider *slider : {m_batch, m_sequence, m_weightBits, m_activationBits, m_cacheBits})
        connect(slider, &StepSlider::changed, this, &RooflineControls::changed);
    connect(m_options, &RooflineOptions::changed, this, &RooflineControls::changed);
}

void RooflineControls::setSources(const QStringList &names, int current) {
    const QSignalBlocker blocker(m_source);
    m_source->clear();
    m_source->addItems(names);
    m_source->setCurrentIndex(current);
    m_source->setEnabled(!names.isEmpty());
}

int RooflineControls::sourceIndex() const {
    return m_source->currentIndex();
}

void RooflineControls::setSource(const CostSource &source) {
    const QSignalBlocker stage(m_stage);
    const bool decoder = source.headDim() > 0;
    const QString before = m_stage->currentText();
    m_stage->clear();
    for (const Stage each : source.stages())
        m_stage->addItem(QString::fromLatin1(stageName(each)), static_cast<int>(each));
    m_stage->setCurrentIndex(std::max(0, m_stage->findText(before)));
    m_stage->setEnabled(m_stage->count() > 1);
    m_stage->setToolTip(decoder ? tr("Prefill: the whole prompt at once. Decode: one token more per "
                                     "sequence. Inference: one pass "
                                     "without a cache.")
                                : tr("This source has one pass only. The config.json of a language model has "
                                     "prefill and decode."));
    m_batch->setAvailable(source.takesBatch() ? QString() : tr("The file fixes the batch."));
    m_sequence->setAvailable(
        source.takesSequence() ? QString() : tr("This model has no sequence, or the file fixes its length."));
    m_sequence->setHint(
        source.maxSequence() > 0
            ? tr("Tokens of each sequence; the model was made for up to %1").arg(source.maxSequence())
            : tr("Tokens of each sequence"));
    m_cacheBits->setAvailable(decoder ? QString() : tr("This source keeps no KV cache."));
    m_cacheBits->setHint(
        tr("What if keys and values were kept with this width; a 16 bit scale per token and head is added"));
    constexpr std::int64_t kUsual = 2048, kUsualOfGraph = 128;
    const std::int64_t longest = source.maxSequence() > 0 ? source.maxSequence()
                                 : decoder                ? kUsual
                                                          : kUsualOfGraph;
    m_sequence->setValue(static_cast<int>(std::min(kUsual, longest)));
    m_options->setSource(decoder);
}

void RooflineControls::setDevices(std::vector<HardwareProfile> devices) {
    const QSignalBlocker blocker(m_device);
    const QString before =
        m_device->count() > 0 ? m_device->currentData().toString() : QString::fromLatin1(kFirstDevice);
    m_devices = std::move(devices);
    m_device->clear();
    for (const HardwareProfile &device : m_devices) {
        m_device->addItem(QString::fromStdString(device.name), QString::fromStdString(device.id));
        m_device->setItemData(m_device->count() - 1, deviceToolTip(device), Qt::ToolTipRole);
    }
    m_device->setCurrentIndex(std::max(0, m_device->findData(before)));
    m_device->setToolTip(m_device->currentData(Qt::ToolTipRole).toString());
}

const HardwareProfile *RooflineControls::device() const {
    const int index = m_device->currentIndex();
    return index >= 0 ? &m_devices[static_cast<std::size_t>(index)] : nullptr;
}

bool RooflineControls::isCompatible() const {
    return m_options->isCompatible();
}

StudyRequest RooflineControls::request() const {
    StudyRequest request;
    request.base.stage = static_cast<Stage>(m_stage->currentData().toInt());
    request.base.batch = m_batch->value();
    request.base.sequence = m_sequence->value();
    m_options->apply(request);
    return request;
}

PrecisionPlan RooflineControls::whatIfPlan(const CostSource &source) const {
    UniformPrecision precision;
    precision.weightBits = m_weightBits->value();
    precision.activationBits = m_activationBits->value();
    precision.cacheBits = source.headDim() > 0 ? m_cacheBits->value() : precision.activationBits;
    precision.groupSize = m_options->groupSize();
    precision.headDim = source.headDim();
    std::string name = fmt::format("W{:g} A{:g}", precision.weightBits, precision.activationBits);
    if (source.headDim() > 0)
        name += fmt::format(" KV{:g}", precision.cacheBits);
    return uniformPlan(std::move(name), precision);
}

} // namespace qs::views
