/** Styles of both pages; rules with `#live` apply to the Socket.IO page only. */
export const style = `body { margin: 0; }
nav {
  display: flex;
  gap: 1.5rem;
  padding: 0.75rem 1.5rem;
  background: #1b1b2f;
  color: #fff;
  font: 16px/1.5 system-ui, sans-serif;
}
nav a { color: #cdd3ff; text-decoration: none; }
nav a[aria-current] { color: #fff; text-decoration: underline; text-underline-offset: 0.3em; }
#live { max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; color: #22223b; font: 16px/1.55 system-ui, sans-serif; }
#live h2 { margin: 2rem 0 0.5rem; border-bottom: 2px solid #d9d9e8; }
#live h3 { margin: 1.25rem 0 0.4rem; color: #5a5a78; font-size: 1rem; }
#live h4 { margin: 0.6rem 0 0.2rem; font-size: 0.85rem; color: #5a5a78; }
#live a { color: #3541b8; }
#live code, #live pre { font: 14px/1.5 ui-monospace, monospace; }
#live code { padding: 0.1em 0.3em; border-radius: 4px; background: #eeeef7; overflow-wrap: anywhere; }
#live pre { margin: 0; padding: 0.6rem 0.8rem; border-radius: 6px; background: #f5f5fb; white-space: pre-wrap; }
#live small { color: #77779a; }
#live dt { float: left; clear: left; min-width: 11rem; }
#live dd { margin: 0 0 0.35rem 11.5rem; }
#live .entry { margin: 0.35rem 0; padding: 0.4rem 0.7rem; border: 1px solid #dedeeb; border-radius: 6px; }
#live .entry summary { cursor: pointer; }
#live .entry summary code { font-weight: 600; }
#filter { box-sizing: border-box; width: 100%; padding: 0.5rem 0.7rem; border: 1px solid #b9b9d0; border-radius: 6px; font: inherit; }
[hidden] { display: none !important; }
`
