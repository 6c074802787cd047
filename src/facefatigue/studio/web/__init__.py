"""The studio in a browser: pages, and the JSON that they speak with.

app            all of it put together                guard       hosts, origins, sizes and headers, before anything else
security       who is asking, and may they           pages       templates with texts of the study's language
entry          signing in, links                     texts/      every word that is shown, by key, a folder per language
volunteer_api  a volunteer's recordings              rater_api   what raters see and say
owner_pages    the owner's pages                     owner_api   and their changes
media          videos and stills                     templates/, static/   HTML, CSS, JavaScript modules, as they are
"""
