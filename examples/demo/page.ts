const style = `
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1.05rem/1.6 system-ui, sans-serif; color: #222; background: #fff; }
  h1 { line-height: 1.2; } h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
  a { color: #14557b; } code, pre { font: .9rem/1.5 ui-monospace, monospace; }
  pre { padding: .75rem 1rem; overflow-x: auto; background: #f3f3f0; border-radius: .3rem; }
  table { border-collapse: collapse; } th, td { padding: .25rem 1.25rem .25rem 0; text-align: left; }
  button, input { font: inherit; padding: .3rem .7rem; }
  .pictures { display: flex; flex-wrap: wrap; gap: .6rem; } .pictures img { width: 9rem; height: 6rem; }
`;

/** An HTML page. */
export function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
${content}
</body>
</html>
`;
}
