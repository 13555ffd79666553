#pragma once

#include "app/cli/number_line_options.h"
#include "app/cli/roofline_options.h"
#include "app/cli/sensitivity_command.h"
#include "core/figure/figure.h"

namespace qs::app {

/// qscope render: a view as a picture, without a display.
class RenderCommand final : public Command {
public:
    std::string name() const override { return "render"; }
    std::string summary() const override { return "Draw a view into a PNG, SVG or PDF file"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    /// A figure and where its data comes from.
    struct Picture {
        std::unique_ptr<Figure> figure;
        Provenance provenance;
    };
    void addSheetOptions(CLI::App &app, const char *group);
    Result<FigureOptions> figureOptions() const;
    Result<Picture> picture(const CommandContext &context) const;
    Result<Picture> attention(const CommandContext &context) const;
    Result<Picture> distribution(const CommandContext &context) const;
    Result<Picture> outliers(const CommandContext &context) const;
    Result<Picture> tokens(const CommandContext &context) const;
    Result<Picture> sensitivity(const CommandContext &context) const;
    Result<Picture> roofline(const CommandContext &context) const;
    Result<Picture> layerErrors(const CommandContext &context) const;
    Result<Picture> numberLine(const CommandContext &context) const;
    Result<Picture> tensor(const CommandContext &context) const;
    Result<Picture> graph(const CommandContext &context) const;

    /// Model, layer and, when there is calibration data, what it captured.
    struct Opened {
        std::shared_ptr<const Model> model;
        std::shared_ptr<const Capture> capture;
        Provenance provenance;
    };
    Result<Opened> open(bool needsCapture, const CommandContext &context) const;
    Result<const Layer *> layerOf(const Model &model) const;

    InputOptions m_inputs;
    RecipeOptions m_recipe;
    RooflineOptions m_roofline;
    NumberLineOptions m_numberLine;
    std::string m_view, m_layer, m_attention, m_of = "weight", m_metric = "sqnr", m_theme = "light", m_size;
    std::string m_colorBy = "none", m_caption;
    int m_boxes = 80;
    bool m_sideways = false;
    std::vector<int> m_bits{2, 3, 4, 8};
    std::filesystem::path m_output;
    std::int64_t m_channel = -1, m_sample = 0;
    double m_scale = 1, m_dpi = 0, m_textPoints = 0;
    bool m_transparent = false, m_noHeading = false, m_noCaption = false;
};

} // namespace qs::app
