#if canImport(SwiftUI)
    import NotesKit
    import SwiftUI
    import TesseraClient

    /// Notes on Apple systems. Compiled, not run, by the project's tests where there is such a system.
    @main
    struct NotesApp: App {
        var body: some Scene { WindowGroup { NotesView() } }
    }

    /// The notes, or the way to sign in.
    struct NotesView: View {
        @State private var notes: [String] = []
        @State private var text = ""
        @State private var problem: String?
        @State private var isSignedIn = false
        private let book = try? NoteBook(
            api: "http://localhost:8080", user: "alice", store: KeychainStore(service: "com.example.notes"),
            transport: URLSessionTransport())

        var body: some View {
            List {
                if isSignedIn {
                    ForEach(notes, id: \.self) { Text($0) }
                    TextField("A new note", text: $text).onSubmit { act { try await $0.add(text) } }
                    Button("Sign out") { act { try await $0.session.signOut() } }
                } else {
                    Button("Sign in") { act { try await $0.signIn(password: "demo") } }
                }
                if let problem { Text(problem).foregroundStyle(.red) }
            }
            .task { await watch() }
        }

        private func watch() async {
            guard let book else { return }
            for await state in book.session.states {
                if case .signedIn = state { isSignedIn = true } else { isSignedIn = false }
                if isSignedIn { notes = (try? await book.notes()) ?? notes }
            }
        }

        private func act(_ body: @escaping @Sendable (NoteBook) async throws -> Void) {
            guard let book else { return }
            Task {
                do {
                    try await body(book)
                    problem = nil
                    if isSignedIn { notes = try await book.notes() }
                } catch { problem = "\(error)" }
            }
        }
    }
#else
    /// Where there is no SwiftUI, `notes` is the example.
    @main
    struct NotesApp {
        static func main() { print("NotesApp needs an Apple system; run notes") }
    }
#endif
