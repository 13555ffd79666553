#include "app/cli/distill_command.h"

#include "core/base/number_text.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <fmt/format.h>

namespace qs::app {

void DistillCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    app.add_option("-o,--output", m_output, "Calibration file to write (HDF5)")
        ->required()
        ->type_name("FILE");
    app.add_option(
           "--method", m_method,
           "zeroq: pixels, statistics of each image; genie: a generator, statistics of a batch, swing "
           "convolution (experimental); gaussian: noise")
        ->check(CLI::IsMember({"zeroq", "genie", "gaussian"}))
        ->capture_default_str()
        ->type_name("NAME");
    app.add_flag_callback(
        "--gaussian", [this] { m_method = "gaussian"; },
        "As --method gaussian: for models without batch norm");
    app.add_option("--samples", m_options.samples, "Images to make")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--iterations", m_options.iterations,
                   "Steps of Adam on each batch of images; the papers use 500 (ZeroQ) and 4000 (GENIE)")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--batch", m_options.batchSize, "Images that are learned together")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--pixels", m_pixels,
                   "Lowest and highest pixel. Default: 0 and 1 or 255 where the model normalises its input "
                   "itself, else without bounds")
        ->expected(2)
        ->type_name("LOW HIGH");
    app.add_option("--seed", m_options.seed, "Of the noise that images start from")
        ->capture_default_str()
        ->type_name("N");
    app.footer(
        "The images stand in for data where there are none; the file says so, and so does what is made "
        "with it.");
}

Result<CommandOutput> DistillCommand::run(const CommandContext &context) {
    QS_TRY(m_options.method, distillMethodFromId(m_method));
    if (!m_pixels.empty())
        m_options.pixels = ValueRange{m_pixels[0], m_pixels[1]};
    QS_TRY(const auto model, m_inputs.openModel(context));
    const auto start = std::chrono::steady_clock::now();
    QS_TRY(const DistilledImages images, distillImages(model, m_options, context.findings, context.run));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    QS_CHECK_OK(writeDistilled(images, m_output));
    CommandOutput output;
    output.document = {{"model", {{"file", model->file.string()}, {"sha256", model->sha256}}},
                       {"method", m_method},
                       {"samples", m_options.samples},
                       {"iterations", m_options.iterations},
                       {"seed", m_options.seed},
                       {"batch_norms", images.batchNorms},
                       {"losses", images.losses},
                       {"seconds", seconds},
                       {"note", images.note},
                       {"output", m_output.string()}};
    output.text = fmt::format(
        "{} images {} for '{}' in {}\n{}\nWritten: {}\n", withThousands(m_options.samples),
        Shape{images.images.shape()[1], images.images.shape()[2], images.images.shape()[3]}.text(),
        images.input, durationText(seconds), images.note, m_output.string());
    return output;
}

} // namespace qs::app
