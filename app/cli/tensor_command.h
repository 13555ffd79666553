#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// One layer with its weight in float and quantized: by the recipe or, where none is given and the file holds
/// codes, as it is stored.
struct TensorJob {
    const InputOptions &inputs;
    const RecipeOptions &recipe;
    std::string layerName;          ///< empty: the first layer
    std::filesystem::path original; ///< float model that the stored codes were made from; may be empty

    struct Result {
        std::shared_ptr<const Run> run;
        const Layer *layer = nullptr;
        Tensor weights;                                ///< float32 [outChannels, inPerOut]
        std::shared_ptr<const QuantizedMatrix> matrix; ///< null: the recipe leaves the layer in float
        std::string form;        ///< how the file stores the codes; empty: the recipe made them
        bool hasOriginal = true; ///< false: `weights` are the dequantized codes, errors say nothing
        std::string method{};    ///< that made the matrix

        MatrixView<const float> view() const {
            return {weights.values<float>().data(), layer->outChannels, layer->inPerOut};
        }
    };
    /// \error InvalidArgument  no such layer; proposes the closest names.  Others as the parts report,
    /// among them the reason why the layer's method failed
    qs::Result<Result> execute(const CommandContext &context) const;

private:
    qs::Result<Result> quantized(const Model &model, const CommandContext &context) const;
    qs::Result<Result> stored(std::shared_ptr<const Model> model, const CommandContext &context) const;
};

/// qscope tensor: single weights with code, scale, zero point, error and the block around them.
class TensorCommand final : public Command {
public:
    std::string name() const override { return "tensor"; }
    std::string summary() const override { return "Inspect single weights: code, scale, zero point, error"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    Result<std::vector<std::pair<std::int64_t, std::int64_t>>> cells(const TensorJob::Result &job,
                                                                     const CommandContext &context) const;

    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::string m_layer;
    std::filesystem::path m_original;
    std::vector<std::string> m_at;
    std::size_t m_worst = 0;
    CLI::Option *m_worstOption = nullptr;
};

} // namespace qs::app
