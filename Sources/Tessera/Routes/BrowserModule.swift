/// The module for browsers.
enum BrowserModule {
    static let text = ""
}
