#include "app/main_window.h"
#include "app/source_dialog.h"
#include "tests/support/temp_dir.h"
#include "tests/views/workbench_fixture.h"

#include <QApplication>
#include <QComboBox>
#include <QMessageBox>
#include <QPushButton>
#include <fstream>

namespace qs::app {
namespace {

/// One window with its own context, as one program would have.
struct Program {
    views::WorkbenchContext context;
    MainWindow window{context, Settings(false)};

    explicit Program(std::shared_ptr<const MethodRegistry> methods) : context(std::move(methods)) {}
};

class ProjectSessionTest : public views::WorkbenchTest {
protected:
    ProjectSessionTest() : m_first(std::make_unique<Program>(rtnOnly())) {}

    static bool settled(Program &program) {
        return waitUntil([&] {
            QCoreApplication::processEvents();
            return !program.context.jobs().anyRunning();
        });
    }
    /// The first program after two runs, the second a branch of the first, a layer selected.
    void work() {
        views::WorkbenchContext &context = m_first->context;
        context.openFile(sample("glyph-cnn.onnx"));
        ASSERT_TRUE(settled(*m_first));
        for (const int bits : {8, 4}) {
            Recipe recipe = context.recipe();
            recipe.rules[0].choice.weight->scheme.grid.bits = bits;
            recipe.rules[0].choice.activation.reset();
            recipe.name = "w" + std::to_string(bits);
            context.setRecipe(recipe);
            context.startRun();
            ASSERT_TRUE(settled(*m_first));
        }
        ASSERT_EQ(context.runs().entries().size(), 2u);
        views::Selection selection = views::Selection::ofLayer(2);
        selection.channel = 5;
        context.select(selection);
    }
    QString file(const char *name) const { return QString::fromStdString((m_dir.path() / name).string()); }
    static std::string report(const views::WorkbenchContext &context) {
        return runReport(*context.runs().entries().back().run).dump();
    }
    bool saveTo(const QString &path) {
        m_first->window.session().saveAs(path);
        return settled(*m_first) && QFileInfo::exists(path);
    }

    TempDir m_dir;
    std::unique_ptr<Program> m_first;
};

TEST_F(ProjectSessionTest, SavedSessionsComeBack) {
    work();
    ProjectSession &session = m_first->window.session();
    EXPECT_TRUE(session.isModified());
    ASSERT_TRUE(saveTo(file("work.qscope")));
    EXPECT_FALSE(session.isModified());
    EXPECT_EQ(m_first->context.runs().entries()[1].parent, 1);

    Program second(rtnOnly());
    second.window.openFiles({file("work.qscope")});
    ASSERT_TRUE(settled(second));
    ASSERT_EQ(second.context.runs().entries().size(), 2u);
    EXPECT_EQ(report(second.context), report(m_first->context));
    EXPECT_EQ(second.context.runs().entries()[1].parent, 1);
    EXPECT_EQ(second.context.selection(), m_first->context.selection());
    EXPECT_EQ(second.context.recipe(), m_first->context.recipe());
    ASSERT_TRUE(second.context.run());
    EXPECT_EQ(second.context.run()->name, "w4");
    EXPECT_TRUE(second.context.executor());
    EXPECT_FALSE(second.window.session().isModified());
    EXPECT_TRUE(second.window.windowTitle().startsWith(QStringLiteral("work.qscope")));

    Recipe changed = second.context.recipe();
    changed.seed = 7;
    second.context.setRecipe(changed);
    EXPECT_TRUE(second.window.session().isModified());
}

TEST_F(ProjectSessionTest, ARecipeOfAnEarlierRunBranchesFromIt) {
    work();
    views::WorkbenchContext &context = m_first->context;
    context.adoptRecipeOf(1);
    Recipe recipe = context.recipe();
    recipe.rules[0].choice.weight->scheme.grid.bits = 3;
    context.setRecipe(recipe);
    context.startRun();
    ASSERT_TRUE(settled(*m_first));
    EXPECT_EQ(context.runs().entries().back().parent, 1);
}

TEST_F(ProjectSessionTest, AKilledSessionIsOfferedAndRestored) {
    m_first->window.projects().startAutosave(file("sessions"));
    work();
    Autosave *autosave = m_first->window.projects().autosave();
    bool saved = false;
    QObject::connect(autosave, &Autosave::saved, [&] { saved = true; });
    autosave->saveNow();
    ASSERT_TRUE(waitUntil([&] { return saved; }));
    EXPECT_TRUE(Autosave::leftSessions(file("sessions")).empty()) << "a living session is not left";
    // What a kill leaves: the folder as it is, its lock stale.
    std::filesystem::copy(m_dir.path() / "sessions", m_dir.path() / "killed",
                          std::filesystem::copy_options::recursive);
    for (const auto &entry : std::filesystem::recursive_directory_iterator(m_dir.path() / "killed"))
        if (entry.path().filename() == "lock")
            std::filesystem::remove(entry.path());

    Program second(rtnOnly());
    second.window.projects().startAutosave(file("killed"));
    second.window.projects().offerCrashed();
    auto *question = second.window.findChild<QMessageBox *>(QStringLiteral("crash_question"));
    ASSERT_TRUE(question);
    EXPECT_TRUE(question->text().contains(QStringLiteral("glyph-cnn.onnx")));
    for (QAbstractButton *button : question->buttons())
        if (question->buttonRole(button) == QMessageBox::AcceptRole)
            button->click();
    ASSERT_TRUE(settled(second));
    ASSERT_EQ(second.context.runs().entries().size(), 2u);
    EXPECT_EQ(report(second.context), report(m_first->context));
    EXPECT_EQ(second.context.selection(), m_first->context.selection());
    EXPECT_TRUE(second.window.session().isModified());

    // Once it is saved in the new session's folder the old one goes.
    saved = false;
    QObject::connect(second.window.projects().autosave(), &Autosave::saved, [&] { saved = true; });
    second.window.projects().autosave()->saveNow();
    ASSERT_TRUE(waitUntil([&] { return saved; }));
    EXPECT_TRUE(Autosave::leftSessions(file("killed")).empty());
}

TEST_F(ProjectSessionTest, AClosedSessionCanBeReopenedWithoutAQuestion) {
    m_first->window.projects().startAutosave(file("sessions"));
    work();
    const std::string before = report(m_first->context);
    m_first = nullptr;
    const auto left = Autosave::leftSessions(file("sessions"));
    ASSERT_EQ(left.size(), 1u);
    EXPECT_FALSE(left[0].crashed);
    EXPECT_EQ(left[0].runs, 2);

    Program second(rtnOnly());
    second.window.projects().startAutosave(file("sessions"));
    second.window.projects().offerCrashed();
    EXPECT_FALSE(second.window.findChild<QMessageBox *>());
    ASSERT_TRUE(second.window.projects().reopenLast());
    ASSERT_TRUE(settled(second));
    EXPECT_EQ(report(second.context), before);
}

TEST_F(ProjectSessionTest, MissingAndChangedSourcesAreAsked) {
    std::filesystem::copy_file(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx",
                               m_dir.path() / "model.onnx");
    m_first->context.openFile(file("model.onnx"));
    ASSERT_TRUE(settled(*m_first));
    m_first->context.setRecipe(uniformRecipe({}, {}, {})); // weights only: there is no calibration set
    m_first->context.startRun();
    ASSERT_TRUE(settled(*m_first));
    ASSERT_TRUE(saveTo(file("work.qscope")));
    std::filesystem::rename(m_dir.path() / "model.onnx", m_dir.path() / "moved.onnx");

    Program second(rtnOnly());
    second.window.openFiles({file("work.qscope")});
    ASSERT_TRUE(settled(second));
    auto *dialog = second.window.findChild<SourceDialog *>();
    ASSERT_TRUE(dialog);
    EXPECT_FALSE(second.context.model()) << "nothing is opened before the answer";
    dialog->setFile(0, file("moved.onnx"));
    dialog->accept();
    ASSERT_TRUE(settled(second));
    EXPECT_EQ(second.context.runs().entries().size(), 1u);
    EXPECT_TRUE(second.window.session().whyNotSaveInPlace().isEmpty());

    // Another model in its place: its weights are not those of the runs.
    std::filesystem::copy_file(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-vit.onnx",
                               m_dir.path() / "model.onnx");
    Program third(rtnOnly());
    third.window.openFiles({file("work.qscope")});
    ASSERT_TRUE(settled(third));
    dialog = third.window.findChild<SourceDialog *>();
    ASSERT_TRUE(dialog);
    dialog->accept(); // the first choice: use the changed file
    ASSERT_TRUE(settled(third));
    ASSERT_TRUE(third.context.model());
    EXPECT_TRUE(third.context.runs().entries().empty());
    EXPECT_FALSE(third.window.session().whyNotSaveInPlace().isEmpty()) << "saving would lose the run";
    EXPECT_FALSE(third.context.findings()->snapshot().empty());
}

TEST_F(ProjectSessionTest, BadProjectFilesAreFindings) {
    std::ofstream(m_dir.path() / "bad.qscope") << "Quantoscope project 1\nand nothing else";
    m_first->window.openFiles({file("bad.qscope"), file("none.qscope")});
    ASSERT_TRUE(settled(*m_first));
    EXPECT_FALSE(m_first->context.findings()->snapshot().empty());
    work();
    m_first->window.session().saveAs(QStringLiteral("/proc/no/such/place.qscope"));
    ASSERT_TRUE(settled(*m_first));
    EXPECT_TRUE(m_first->window.session().isModified());
    EXPECT_TRUE(m_first->window.session().file().isEmpty());
}

TEST_F(ProjectSessionTest, UnsavedChangesOfAProjectAreAskedForBeforeClosing) {
    work();
    ASSERT_TRUE(saveTo(file("work.qscope")));
    m_first->window.show();
    m_first->context.forgetRun(1);
    EXPECT_FALSE(m_first->window.close());
    auto *question = m_first->window.findChild<QMessageBox *>(QStringLiteral("close_question"));
    ASSERT_TRUE(question);
    question->button(QMessageBox::Save)->click();
    ASSERT_TRUE(waitUntil([&] { return !m_first->window.isVisible(); }));
    Program second(rtnOnly());
    second.window.openFiles({file("work.qscope")});
    ASSERT_TRUE(settled(second));
    EXPECT_EQ(second.context.runs().entries().size(), 1u);
    EXPECT_TRUE(second.window.close()) << "nothing to ask without changes";
}

TEST_F(ProjectSessionTest, RunsInNoProjectAreAskedForBeforeAnotherModelTakesTheirPlace) {
    work();
    m_first->window.show();
    const auto model = m_first->context.model();
    const std::size_t runs = m_first->context.runs().entries().size();
    ASSERT_GT(runs, 0U);
    const auto answer = [&](QMessageBox::StandardButton button) {
        m_first->window.openFiles({sample("glyph-vit.onnx")});
        auto *question = m_first->window.findChild<QMessageBox *>(QStringLiteral("replace_question"));
        ASSERT_TRUE(question);
        EXPECT_TRUE(question->text().contains("glyph-cnn.onnx")) << question->text().toStdString();
        question->button(button)->click();
        ASSERT_TRUE(settled(*m_first));
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    };
    answer(QMessageBox::Cancel);
    EXPECT_EQ(m_first->context.model(), model);
    EXPECT_EQ(m_first->context.runs().entries().size(), runs);
    m_first->window.openFiles({sample("glyph-eval.h5")}); // sets replace no runs
    EXPECT_FALSE(m_first->window.findChild<QMessageBox *>(QStringLiteral("replace_question")));
    ASSERT_TRUE(settled(*m_first));
    answer(QMessageBox::Discard);
    EXPECT_TRUE(m_first->context.model()->file.filename() == "glyph-vit.onnx");
    EXPECT_TRUE(m_first->context.runs().entries().empty());
    m_first->window.openFiles({sample("glyph-cnn.onnx")});
    EXPECT_FALSE(m_first->window.findChild<QMessageBox *>(QStringLiteral("replace_question")))
        << "nothing to ask without runs";
    ASSERT_TRUE(settled(*m_first));
}

TEST_F(ProjectSessionTest, SavingTheProjectComesBeforeOpeningAnother) {
    work();
    ASSERT_TRUE(saveTo(file("work.qscope")));
    m_first->window.show();
    m_first->context.forgetRun(1);
    m_first->window.openSample(QStringLiteral("glyph-vit"));
    auto *question = m_first->window.findChild<QMessageBox *>(QStringLiteral("replace_question"));
    ASSERT_TRUE(question);
    question->button(QMessageBox::Save)->click();
    ASSERT_TRUE(waitUntil([&] {
        return m_first->context.model() && m_first->context.model()->file.filename() == "glyph-vit.onnx";
    }));
    ASSERT_TRUE(settled(*m_first));
    EXPECT_EQ((*ProjectFile::open(m_dir.path() / "work.qscope", {}))->runHeads().size(), 1U);
}

TEST_F(ProjectSessionTest, ALeftSessionStaysUntilItIsBackAsAWhole) {
    std::filesystem::copy_file(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx",
                               m_dir.path() / "model.onnx");
    m_first->window.projects().startAutosave(file("sessions"));
    m_first->context.openFile(file("model.onnx"));
    ASSERT_TRUE(settled(*m_first));
    m_first->context.startRun();
    ASSERT_TRUE(settled(*m_first));
    m_first = nullptr;
    std::filesystem::remove(m_dir.path() / "model.onnx");

    Program second(rtnOnly());
    second.window.projects().startAutosave(file("sessions"));
    ASSERT_TRUE(second.window.projects().reopenLast());
    ASSERT_TRUE(settled(second));
    auto *dialog = second.window.findChild<SourceDialog *>();
    ASSERT_TRUE(dialog);
    dialog->reject();
    second.context.openFile(sample("glyph-vit.onnx"));
    ASSERT_TRUE(settled(second));
    bool saved = false;
    QObject::connect(second.window.projects().autosave(), &Autosave::saved, [&] { saved = true; });
    second.window.projects().autosave()->saveNow();
    ASSERT_TRUE(waitUntil([&] { return saved; }));
    EXPECT_EQ(Autosave::leftSessions(file("sessions")).size(), 1u);
}

TEST_F(ProjectSessionTest, AFailedSaveBeforeClosingDoesNotCloseLater) {
    work();
    std::filesystem::create_directory(m_dir.path() / "gone");
    ASSERT_TRUE(saveTo(file("gone/work.qscope")));
    m_first->window.show();
    m_first->context.forgetRun(1);
    std::filesystem::remove_all(m_dir.path() / "gone");
    EXPECT_FALSE(m_first->window.close());
    m_first->window.findChild<QMessageBox *>(QStringLiteral("close_question"))
        ->button(QMessageBox::Save)
        ->click();
    ASSERT_TRUE(settled(*m_first));
    EXPECT_TRUE(m_first->window.isVisible());
    ASSERT_TRUE(saveTo(file("elsewhere.qscope")));
    QCoreApplication::processEvents();
    EXPECT_TRUE(m_first->window.isVisible());
}

} // namespace
} // namespace qs::app
