#pragma once

#include <QDialog>

namespace qs {
struct Model;
}

namespace qs::views {

/// What the opened file says about itself, key by key; rows are copied with Ctrl+C.
class MetadataDialog final : public QDialog {
    Q_OBJECT
public:
    MetadataDialog(const Model &model, QWidget *parent);
};

} // namespace qs::views
